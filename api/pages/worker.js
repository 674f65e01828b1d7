// What all service workers do: after the first visit their pages open with no network.
//
// Rules: files under a version's address never change, so what is kept of them is right for ever. Pages and everything else are
// asked from the network first, so that a mended page reaches people at their next visit with a network; the copy is for when
// there is none. Answers about the ledger (/v1, /tile, /checkpoint) are never kept: an old one must not look like a new one.
//
// A page is kept once it has been visited, with the files of its own list: nobody loads what is for others. A new version keeps what
// the one before it kept.
//
// The server puts VERSION before this, and FILES: by page, the addresses of what it needs. Then comes one worker's own part: PREFIX of
// its caches' names, the pages that it keeps ALWAYS, and pageFor(url, isVisit), the page that answers at an address, or null.

const NAME = `${PREFIX}${VERSION}`;
const PAGE_WAIT_MS = 4000;

self.addEventListener("install", (event) => {
  event.waitUntil(install());
});

async function install() {
  const pages = new Set([...ALWAYS, ...(await keptBefore()), ...(await visited())]);
  for (const page of pages) await keep(page);
  await self.skipWaiting();
}

/** What this worker's newest older version kept. */
async function keptBefore() {
  const older = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== NAME).at(-1);
  if (older === undefined) return [];
  const paths = (await (await caches.open(older)).keys()).map(({ url }) => new URL(url).pathname);
  return paths.filter((path) => Object.hasOwn(FILES, path));
}

/** The pages that are open now, whether or not this worker answers them yet. */
async function visited() {
  const open = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  return open.map(({ url }) => pageFor(new URL(url), true)).filter((page) => page !== null);
}

/** Keep a page and all that it needs; the page comes last, so that one that is here is whole. */
async function keep(page) {
  const cache = await caches.open(NAME);
  if (await cache.match(page)) return;
  const here = new Set((await cache.keys()).map(({ url }) => new URL(url).pathname));
  await cache.addAll(FILES[page].filter((path) => !here.has(path)));
  const answer = await fetch(page, { cache: "no-cache", credentials: "omit" });
  if (!answer.ok) throw new Error(`${page}: ${answer.status}`);
  await cache.put(page, answer);
}

// A page says so itself once it has done what the person came for.
self.addEventListener("message", (event) => {
  const page = event.data === "keep" && event.source ? pageFor(new URL(event.source.url), true) : null;
  if (page !== null) event.waitUntil(keep(page));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(activate());
});

async function activate() {
  // The version before this one stays, for a page of it that is still open.
  const mine = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== NAME);
  for (const name of mine.slice(0, -1)) await caches.delete(name);
  await self.clients.claim();
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (url.pathname.startsWith("/static/")) {
    event.respondWith(keptFirst(request));
    return;
  }
  const page = pageFor(url, request.mode === "navigate");
  if (page !== null) event.respondWith(networkFirst(request, page));
});

async function keptFirst(request) {
  return (await caches.match(request)) ?? fetch(request);
}

async function networkFirst(request, page) {
  const kept = await caches.match(page, { cacheName: NAME });
  const asked = fetch(request);
  if (!kept) return asked;
  const late = new Promise((resolve) => setTimeout(resolve, PAGE_WAIT_MS, kept));
  return Promise.race([asked.catch(() => kept), late]);
}
