// What this phone keeps: one database for each guide, so that a second person sees nothing of the
// first. `acts` waits to be submitted; `pages` is today's list, for some hours.
window.portalPhone = (() => {
  "use strict";
  const WHO = "guide.who";
  const meta = document.getElementById("phone");
  const words = JSON.parse(document.getElementById("phone-words").textContent);
  const phone = { words, meta: meta.dataset };

  // a page from the server knows its guide; the saved frame takes the last one of this phone
  const recall = (name) => { try { return localStorage.getItem(name) || ""; } catch { return ""; } };
  const remember = (name, value) => { try { localStorage.setItem(name, value); } catch { /* full */ } };
  phone.recall = recall;
  phone.remember = remember;
  phone.isFrame = location.pathname === words.offline || meta.dataset.frame === "1";
  phone.who = () => meta.dataset.guide || (phone.isFrame ? recall(WHO) : "");

  const name = (who) => `guide.${who}`;
  let opened = null;
  const open = () => {
    const who = phone.who();
    if (!who || !window.indexedDB) return Promise.reject(new Error("nobody"));
    opened ??= new Promise((good, bad) => {
      const asked = indexedDB.open(name(who), 1);
      asked.onupgradeneeded = () => {
        asked.result.createObjectStore("acts", { keyPath: "id" });
        asked.result.createObjectStore("pages", { keyPath: "name" });
      };
      asked.onsuccess = () => {
        const base = asked.result;
        base.onversionchange = base.onclose = () => { base.close(); opened = null; };
        good(base);
      };
      asked.onerror = () => { opened = null; bad(asked.error); };
    });
    return opened;
  };

  // one step; it counts only when it is on the disk
  const step = async (store, mode, act) => {
    const base = await open();
    return new Promise((good, bad) => {
      const work = base.transaction(store, mode, { durability: "strict" });
      const asked = act(work.objectStore(store));
      work.oncomplete = () => good(asked && asked.result);
      work.onerror = work.onabort = () => bad(work.error);
    });
  };
  phone.put = (store, row) => step(store, "readwrite", (rows) => rows.put(row));
  phone.get = (store, key) => step(store, "readonly", (rows) => rows.get(key));
  phone.all = (store) => step(store, "readonly", (rows) => rows.getAll());
  phone.drop = (store, key) => step(store, "readwrite", (rows) => rows.delete(key));
  // change rows only if they are still there, in one step: two tabs cannot lose each other's word
  phone.change = (store, keys, how) => step(store, "readwrite", (rows) => {
    for (const key of keys) {
      const asked = rows.get(key);
      asked.onsuccess = () => { if (asked.result) rows.put(how(asked.result)); };
    }
  });

  const drop = (base) => new Promise((done) => {
    const asked = indexedDB.deleteDatabase(base);
    asked.onsuccess = asked.onerror = asked.onblocked = () => done();
  });

  // whose phone this is, on the disk at once: localStorage gets there some seconds later, and a
  // phone that dies in between would not know whom to show what waits
  const HOLDER = "holder";
  const holder = (mode, act) => new Promise((done) => {
    const asked = indexedDB.open(HOLDER, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("who");
    asked.onerror = () => done("");
    asked.onsuccess = () => {
      const base = asked.result;
      const work = base.transaction("who", mode, { durability: "strict" });
      const found = act(work.objectStore("who"));
      work.oncomplete = () => { base.close(); done(found.result || ""); };
      work.onabort = () => { base.close(); done(""); };
    };
  });
  const lastHolder = async () => recall(WHO) || holder("readonly", (rows) => rows.get(WHO));

  // "saved": today's list goes. "all": everything of this guide, as at signing out
  phone.forget = async (order) => {
    if (!window.indexedDB) return;
    const who = phone.who() || await lastHolder();
    if (!who) { await drop(HOLDER); return; }
    if (order === "all") {
      if (opened) { (await opened.catch(() => null))?.close(); opened = null; }
      await drop(name(who));
      await drop(HOLDER);
      try { localStorage.removeItem(WHO); } catch { /* nothing there */ }
    } else {
      await step("pages", "readwrite", (rows) => rows.clear()).catch(() => {});
    }
  };

  // another guide on this phone: the list of the one before goes, what waits stays theirs
  phone.arrive = async () => {
    const mine = meta.dataset.guide;
    if (!window.indexedDB || !(mine || phone.isFrame)) return;
    const before = await lastHolder();
    if (!mine) { if (before) remember(WHO, before); return; }
    remember(WHO, mine);
    await holder("readwrite", (rows) => rows.put(mine, WHO));
    if (!before || before === mine) return;
    await new Promise((done) => {
      const asked = indexedDB.open(name(before));
      asked.onerror = () => done();
      asked.onsuccess = () => {
        const base = asked.result;
        if (!base.objectStoreNames.contains("pages")) { base.close(); drop(name(before)).then(done); return; }
        const work = base.transaction("pages", "readwrite");
        work.objectStore("pages").clear();
        work.oncomplete = work.onabort = () => { base.close(); done(); };
      };
    });
  };

  phone.savedCopy = async () => {
    const kept = await phone.get("pages", "today").catch(() => null);
    if (!kept) return null;
    if (kept.until > Date.now() && kept.at <= Date.now() + 60000) return kept;
    await phone.drop("pages", "today").catch(() => {});
    return null;
  };
  phone.keepCopy = (data) => phone.put("pages", {
    name: "today", at: Date.now(), until: Date.now() + data.hours * 3600000, data,
  });
  return phone;
})();
