// Opens a page while there is no network: the frame without people, which the page then fills from
// the phone's memory. No page with people on it is ever kept here.
"use strict";
const { version, files, frame } = self.PHONE;
const CACHE = `guide-${version}`;
const PATIENCE = 8000;
const OWN = new Set(files.map((file) => new URL(file, self.location.href).href));

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(CACHE);
    await cache.addAll(files);
    const answer = await fetch(frame, { credentials: "omit", cache: "reload" });
    if (!answer.ok) throw new Error("frame");
    await cache.put(frame, answer);
    await self.skipWaiting();
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    const old = (await caches.keys()).filter((name) => name.startsWith("guide-") && name !== CACHE);
    await Promise.all(old.map((name) => caches.delete(name)));
    await self.clients.claim();
  })());
});

const late = () => new Promise((_good, bad) => { setTimeout(() => bad(new Error("late")), PATIENCE); });

const page = async (request) => {
  try {
    // what is being submitted may take its time
    return await (request.method === "GET" ? Promise.race([fetch(request), late()]) : fetch(request));
  } catch (error) {
    const kept = await caches.match(frame);
    if (kept) return kept;
    throw error;
  }
};

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (address.origin !== self.location.origin) return;
  if (request.mode === "navigate") {
    // a card's address asks WeCom who taps; only the way back is none of our business
    if (address.pathname.startsWith("/g/sign-") && address.pathname !== "/g/sign-in/") return;
    event.respondWith(page(request));
  } else if (request.method === "GET" && OWN.has(address.href.split("#")[0])) {
    event.respondWith(caches.match(address.href.split("#")[0]).then((kept) => kept || fetch(request)));
  }
});
