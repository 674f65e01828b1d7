// The producer's service worker: after the first visit the page opens in the field, with no network at all.
//
// Rules: files under a version's address never change; the page is asked from the network first; answers about the ledger are never
// kept here. It serves its own page only, and drops only what it kept itself.

const NAME = `producer-${VERSION}`;
const PAGE = "/san-xuat";
const PAGE_WAIT_MS = 4000;

self.addEventListener("install", (event) => {
  event.waitUntil(install());
});

async function install() {
  const cache = await caches.open(NAME);
  await cache.addAll(FILES);
  const answer = await fetch(PAGE, { cache: "no-cache", credentials: "omit" });
  if (!answer.ok) throw new Error(`${PAGE}: ${answer.status}`);
  await cache.put(PAGE, answer);
  await self.skipWaiting();
}

self.addEventListener("activate", (event) => {
  event.waitUntil(activate());
});

async function activate() {
  // The version before this one stays, for a page of it that is still open.
  const mine = (await caches.keys()).filter((name) => name.startsWith("producer-") && name !== NAME);
  for (const name of mine.slice(0, -1)) await caches.delete(name);
  await self.clients.claim();
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (url.pathname.startsWith("/static/")) event.respondWith(keptFirst(request));
  else if (url.pathname === PAGE) event.respondWith(networkFirst(request));
});

async function keptFirst(request) {
  return (await caches.match(request)) ?? fetch(request);
}

async function networkFirst(request) {
  const kept = await caches.match(PAGE, { cacheName: NAME });
  const asked = fetch(request);
  if (!kept) return asked;
  const late = new Promise((resolve) => setTimeout(resolve, PAGE_WAIT_MS, kept.clone()));
  return Promise.race([asked.catch(() => kept), late]);
}
