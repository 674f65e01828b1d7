// What all service workers do: after the first visit their pages open with no network.
//
// Rules: files under a version's address never change, so what is kept of them is right for ever. Pages and everything else are
// asked from the network first, so that a mended page reaches people at their next visit with a network; the copy is for when
// there is none. Answers about the ledger (/v1, /tile, /checkpoint) are never kept: an old one must not look like a new one.
//
// The server puts VERSION and FILES before this, and then one worker's own part: PREFIX of its caches' names, its PAGES, and
// pageFor(request, url), the kept page that answers a request, or null.

const NAME = `${PREFIX}${VERSION}`;
const PAGE_WAIT_MS = 4000;

self.addEventListener("install", (event) => {
  event.waitUntil(install());
});

async function install() {
  const cache = await caches.open(NAME);
  await cache.addAll(FILES);
  for (const page of PAGES) {
    const answer = await fetch(page, { cache: "no-cache", credentials: "omit" });
    if (!answer.ok) throw new Error(`${page}: ${answer.status}`);
    await cache.put(page, answer);
  }
  await self.skipWaiting();
}

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
  const page = pageFor(request, url);
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
