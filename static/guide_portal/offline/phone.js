// Puts the phone's memory to work: forms are kept before they are sent, sends wait for network.
(() => {
  "use strict";
  const phone = window.portalPhone;
  const { words } = phone;
  const LOOK = "guide.look";
  const RETRIED = "guide.retried";
  const root = document.documentElement;

  const say = (text) => {
    const place = document.getElementById("say");
    if (place) { place.textContent = text; place.hidden = false; }
  };

  // --- sends, coupons, promises: never without network ---------------------------------------
  const grey = () => {
    for (const one of document.querySelectorAll("[data-online-only]")) {
      if (phone.isOff === (one.dataset.grey === "1")) continue;
      if (phone.isOff) {
        one.dataset.grey = "1";
        one.portalWords = [...one.childNodes];
        one.replaceChildren(words.unsent);
        one.setAttribute("aria-disabled", "true");
      } else {
        delete one.dataset.grey;
        one.replaceChildren(...one.portalWords);
        one.removeAttribute("aria-disabled");
      }
    }
  };
  document.addEventListener("click", (event) => {
    const one = event.target.closest("[data-online-only][aria-disabled=true]");
    if (one) { event.preventDefault(); event.stopImmediatePropagation(); say(words.later); }
  }, true);

  // --- forms -----------------------------------------------------------------------------------
  const idOf = (form) => {
    const field = form.elements.client_id;
    const made = crypto.randomUUID ? crypto.randomUUID() : "10000000-1000-4000-8000-100000000000".replace(/[018]/g,
      (c) => (c ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (c / 4)))).toString(16));
    if (!field) return made;
    const given = field.value;
    field.value = made;  // the next one written here is another act
    return given;
  };
  const actOf = (form, button) => {
    const fields = {};
    for (const [name, value] of new FormData(form)) {
      if (typeof value === "string" && !["csrfmiddlewaretoken", "client_id"].includes(name)) fields[name] = value;
    }
    if (button?.name) fields[button.name] = button.value;
    const { action, target, tint } = form.dataset;
    const name = form.dataset.name || fields.called;
    const customer = form.dataset.customer || form.action.match(/\/customers\/([\w-]+)\//)?.[1];
    if (customer) fields.customer = customer;
    if (action === "not_suitable") fields.target = target;
    if (action === "item_not_suitable") fields.item = target;
    const written = [fields.body, fields.chip, fields.words].filter(Boolean).join("；") || (button?.name ? "" : fields.due_on);
    const said = button?.querySelector(".fill")?.firstChild?.textContent.trim() || button?.textContent.trim() || "";
    return {
      id: idOf(form), kind: action, customer, name, initial: form.dataset.initial || name?.[0], tint: Number(tint) || 0, fields,
      words: action === "draft" ? fields.body : written || said,
      state: "saved", made_at: new Date().toISOString(),
    };
  };
  const busy = (button, on) => {
    if (!button) return;
    if (on) button.setAttribute("aria-busy", "true"); else button.removeAttribute("aria-busy");
  };
  const goOn = (to) => {
    const there = new URL(to || location.href, location.href);
    if (there.pathname + there.search === location.pathname + location.search) { location.hash = there.hash; location.reload(); } else location.assign(there);
  };
  // a number of somebody who has agreed to nothing is not even kept here
  const hasNumber = (form) => form.dataset.action === "draft"
    && /1[3-9]\d{9}/.test([...new FormData(form)].filter(([name]) => ["called", "body"].includes(name))
      .map(([_name, value]) => value.normalize("NFKC").replace(/[\s.,_/*()·-]/g, "")).join("|"));
  const submitAct = async (form, button) => {
    if (hasNumber(form)) { say(words.no_number); return; }
    const act = actOf(form, button);
    busy(button, true);
    let answer = null;
    try {
      answer = await phone.add(act);
    } catch {
      // no memory on this phone: the form goes the usual way, with the id it had
      if (phone.isOff) { say(words.later); busy(button, false); return; }
      if (form.elements.client_id) form.elements.client_id.value = act.id;
      if (button?.name) form.append(Object.assign(document.createElement("input"), { type: "hidden", name: button.name, value: button.value }));
      form.submit();
      return;
    }
    busy(button, false);
    if (answer?.state === "done") { form.reset(); goOn(answer.to); return; }
    if (answer?.state === "refused") { say(answer.reason); return; }
    form.reset();
    say(words.kept);
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    const button = event.submitter;
    if (form.method !== "post" || form.hasAttribute("hx-post")) return;
    if (form.dataset.action) {
      const stop = button?.name === "reason" && button.value === "asked_to_stop" && !form.elements.confirmed;
      if (stop && !phone.isOff) return;  // the page asks again, with its own words
      event.preventDefault();
      event.stopImmediatePropagation();
      if (button?.getAttribute("aria-busy") === "true") return;
      if (stop && button.dataset.sure !== "1") { button.dataset.sure = "1"; say(words.stop); return; }
      if (stop) form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "confirmed", value: "1" }));
      submitAct(form, button);
    } else if (phone.isOff) {
      event.preventDefault();
      event.stopImmediatePropagation();
      say(words.later);
    } else if (form.hasAttribute("data-signs-out") && form.dataset.sure !== "1") {
      event.preventDefault();
      event.stopImmediatePropagation();
      leave(form);
    }
  }, true);

  // signing out takes everything along: first what waits, then a word about what does not go
  const leave = async (form) => {
    await phone.flush({ wait: true });
    const left = (await phone.all("acts").catch(() => [])).filter((act) => act.state !== "done");
    if (left.length) { form.dataset.sure = "1"; say(phone.fill(words.unsubmitted, { n: left.length })); return; }
    await phone.forget("all");
    form.submit();
  };

  document.addEventListener("click", async (event) => {
    const drop = event.target.closest("[data-drop]");
    if (drop) { await phone.drop("acts", drop.dataset.drop); phone.show(); return; }
    // without a service worker an open page still leads on, from memory
    const link = event.target.closest("a[href]");
    if (!link || !phone.isOff || navigator.serviceWorker?.controller || event.defaultPrevented) return;
    const there = new URL(link.href, location.href);
    if (there.origin !== location.origin || !there.pathname.startsWith("/g/")) return;
    event.preventDefault();
    history.pushState({ portal: 1 }, "", there);
    phone.draw(there.pathname);
  });
  window.addEventListener("popstate", () => { if (phone.isOff) phone.draw(location.pathname); else location.reload(); });

  // --- beginning -------------------------------------------------------------------------------
  const look = () => {
    if (!phone.isFrame) { phone.remember(LOOK, JSON.stringify({ ...root.dataset })); return; }
    try { Object.assign(root.dataset, JSON.parse(phone.recall(LOOK) || "{}")); } catch { /* as it is */ }
  };
  // an open page says from when it is
  const opened = new Date();
  const off = () => {
    const place = document.getElementById("say");
    if (!place || phone.isFrame) return;
    const text = phone.fill(words.shown, { time: phone.clock(opened) });
    if (phone.isOff) say(text); else if (place.textContent === text) place.hidden = true;
  };
  const typing = () => [...document.querySelectorAll("textarea, input.field")].some((one) => one.value !== one.defaultValue);

  document.addEventListener("phone:network", async () => {
    grey();
    off();
    if (phone.isOff) return;
    await phone.flush({ wait: true });
    // back from a saved copy: the server's page, unless somebody is writing
    if (phone.isFrame && !phone.isOff && !typing()) location.reload();
  });
  document.addEventListener("phone:flushed", () => {
    if (!phone.isFrame && location.pathname === "/g/" && !typing()) location.reload();
  });

  // the network was only slow: the server's page once more, at most every half minute
  const again = async () => {
    if (phone.isOff || location.pathname === words.offline || Number(phone.recall(RETRIED)) > Date.now() - 30000) return;
    if (!await phone.refresh().catch(() => null) || typing()) return;
    phone.remember(RETRIED, String(Date.now()));
    location.reload();
  };

  const start = async () => {
    look();
    if (phone.meta.wipe) { await phone.forget(phone.meta.wipe); return; }
    await phone.arrive();
    grey();
    if (phone.isOff) off();
    if (phone.isFrame && location.pathname !== words.offline) await phone.draw(location.pathname); else await phone.show();
    if (!phone.who()) return;
    await phone.tidy().catch(() => {});
    await phone.flush();
    if (phone.isFrame) { await again(); return; }
    if (phone.isOff) return;
    const kept = await phone.savedCopy().catch(() => null);
    const age = Date.now() - (kept?.at || 0);
    if (age > (location.pathname === "/g/" ? 5000 : 300000)) await phone.refresh().catch(() => {});
    await phone.learnFrame().catch(() => {});
    navigator.serviceWorker?.register(words.worker, { scope: "/g/" }).catch(() => {});
  };
  document.addEventListener("htmx:afterSwap", () => { grey(); phone.show(); });
  start();
})();
