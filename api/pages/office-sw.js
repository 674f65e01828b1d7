// The office's service worker: after the first visit its page opens with no network, so that a queue is never out of sight.
//
// Rules: as for the citizen's page. Files under a version's address never change; the page is asked from the network first; answers
// about the ledger are never kept. It serves the office's page only.

const NAME = `office-${VERSION}`;
const PAGES = ["/van-phong", "/van-phong/schemas.json"];
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
  const mine = (await caches.keys()).filter((name) => name.startsWith("office-") && name !== NAME);
  for (const name of mine.slice(0, -1)) await caches.delete(name);
  await self.clients.claim();
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (url.pathname.startsWith("/static/")) event.respondWith(keptFirst(request));
  else if (PAGES.includes(url.pathname)) event.respondWith(networkFirst(request, url.pathname));
});

async function keptFirst(request) {
  return (await caches.match(request)) ?? fetch(request);
}

async function networkFirst(request, page) {
  const kept = await caches.match(page, { cacheName: NAME });
  const asked = fetch(request);
  if (!kept) return asked;
  const late = new Promise((resolve) => setTimeout(resolve, PAGE_WAIT_MS, kept.clone()));
  return Promise.race([asked.catch(() => kept), late]);
}
