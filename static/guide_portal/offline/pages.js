// What is drawn from the phone's own memory: chips where something was written, 待提交, and the
// saved list with its customers. Frames and words come from the server's templates.
(() => {
  "use strict";
  const phone = window.portalPhone;
  const FRAME = "guide.frame";
  const { words } = phone;
  let frame = null;

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_all, name) => values[name] ?? "");
  phone.fill = fill;
  phone.clock = (moment) => clock(moment);
  const clock = (moment) => new Date(moment).toLocaleTimeString("zh-CN", { hour: "2-digit", minute: "2-digit", hour12: false });

  // the saved frame's templates, also on a phone without a service worker
  phone.learnFrame = async () => {
    if (phone.recall(`${FRAME}.at`) === phone.meta.version) return;
    const answer = await fetch(words.offline, { credentials: "omit" });
    if (!answer.ok) return;
    phone.remember(FRAME, await answer.text());
    phone.remember(`${FRAME}.at`, phone.meta.version);
  };
  const template = (id) => {
    const here = document.getElementById(id);
    if (here) return here.content.cloneNode(true);
    frame ??= new DOMParser().parseFromString(phone.recall(FRAME), "text/html");
    const found = frame.getElementById(id);
    return found ? document.importNode(found.content, true) : document.createDocumentFragment();
  };
  const slot = (piece, name) => piece.querySelector(`[data-slot=${name}]`);
  const write = (piece, values) => {
    for (const [name, value] of Object.entries(values)) {
      const place = slot(piece, name);
      if (place) place.textContent = value;
    }
  };
  const face = (piece, who) => {
    const place = slot(piece, "face");
    if (place) { place.textContent = who.initial || ""; place.classList.add(`f${who.tint || 0}`); }
  };
  const chip = (piece, state) => slot(piece, "chip").replaceWith(template(`t-${state}`));

  // --- where it was written -------------------------------------------------------------------
  const show = async () => {
    const acts = (await phone.all("acts").catch(() => [])).sort((one, other) => (one.made_at < other.made_at ? -1 : 1));
    const open = acts.filter((act) => act.state !== "done");
    for (const place of document.querySelectorAll("[data-said]")) {
      const mine = acts.filter((act) => (act.customer || act.kind) === place.dataset.said && (act.state !== "done" || place.dataset.seen));
      if (mine.length) place.dataset.seen = "1";
      place.replaceChildren(...mine.map((act) => {
        const line = template("t-said");
        const what = fill(words[`${act.kind}_here`] || "{words}", act);
        write(line, { words: act.state === "refused" ? `${what}：${act.reason}` : what });
        chip(line, act.state);
        return line;
      }));
    }
    const lines = document.getElementById("waits");
    const host = document.querySelector("#today section.card, #saved section.card, [data-waits]");
    if (lines) lines.remove();
    if (open.length && host && !document.getElementById("queue")) {
      const line = template("t-waits");
      write(line, { words: fill(words.waiting, { n: open.length }) });
      host.append(line);
    }
    await showQueue(acts);
  };

  // --- 待提交 ---------------------------------------------------------------------------------
  const record = (act) => {
    const row = template("t-row");
    face(row, act);
    const head = fill(words[act.kind] || "{name}", act);
    const when = act.state === "done"
      ? fill(words.submitted, { time: clock(act.made_at), at: clock(act.answered_at) })
      : fill(words.noted, { time: clock(act.made_at) });
    write(row, { head, words: act.state === "refused" ? act.reason : act.kind === "visit" ? "" : act.words, when });
    chip(row, act.state);
    if (act.state === "refused") {
      const drop = template("t-drop");
      drop.querySelector("button").dataset.drop = act.id;
      row.querySelector(".record").append(drop);
    }
    return row;
  };
  const showQueue = async (acts) => {
    const place = document.getElementById("queue");
    if (!place) return;
    if (!acts.length) { place.replaceChildren(template("t-nothing")); return; }
    const latest = [...acts].sort((one, other) => (one.made_at < other.made_at ? 1 : -1));
    const refused = latest.filter((act) => act.state === "refused");
    const rest = latest.filter((act) => act.state !== "refused");
    const page = template("t-queue");
    const sending = rest.filter((act) => act.state === "sending").length;
    const waits = rest.filter((act) => act.state === "saved").length;
    if (sending) write(page, { tip: fill(words.sending, { n: sending }) });
    else if (waits) write(page, { tip: fill(words.waiting, { n: waits }) });
    else slot(page, "tipbox").remove();
    if (refused.length) slot(page, "refused").append(...refused.map(record)); else slot(page, "refusedbox").remove();
    if (rest.length) slot(page, "rest").append(...rest.map(record)); else slot(page, "restbox").remove();
    place.replaceChildren(page);
  };

  // --- saved pages ------------------------------------------------------------------------------
  const about = (form, card, more = {}) => {
    const facts = { customer: card.customer, target: card.target, name: card.name, initial: card.initial, tint: card.tint };
    Object.assign(form.dataset, facts, more);
  };
  const person = (piece, card) => {
    face(piece, card);
    write(piece, { name: card.name, subtitle: card.subtitle, why: card.why, bought: card.bought, due: card.due });
    if (!card.why) slot(piece, "whybox")?.remove();
    if (!card.bought) slot(piece, "boughtbox")?.remove();
    const said = slot(piece, "said");
    if (said) said.dataset.said = card.customer;
    const skip = slot(piece, "skip");
    if (skip) skip.href = `/g/targets/${card.target}/not-suitable/`;
  };
  const customer = (card, data) => {
    const piece = template("t-customer");
    person(piece, card);
    const note = slot(piece, "noteform");
    const tags = slot(piece, "tags");
    if (!data.may_write) {
      note.remove();
      slot(piece, "tagbox").remove();
      slot(piece, "visitform").remove();
      return piece;
    }
    for (const form of [note, tags, slot(piece, "visitform")]) about(form, card);
    for (const word of data.note_words) slot(piece, "words").append(button("chip", word, word));
    slot(piece, "words").append(template("t-save"));
    for (const tag of data.tags) tags.append(button("tag", tag.id, tag.name));
    if (!data.tags.length) slot(piece, "tagbox").remove();
    return piece;
  };
  const button = (name, value, text) => {
    const made = document.createElement("button");
    Object.assign(made, { name, value, textContent: text, className: "tap" });
    return made;
  };
  const today = (data) => {
    const page = document.createDocumentFragment();
    const head = template("t-today");
    write(head, { done: data.done, total: data.total, left: data.left });
    slot(head, "cells").setAttribute("aria-label", data.words);
    for (const tone of data.cells) {
      const cell = document.createElement("i");
      if (tone) cell.className = tone;
      slot(head, "cells").append(cell);
    }
    if (!data.may_write) slot(head, "enrol")?.remove();
    page.append(head);
    const items = data.items || [];
    const other = (place) => page.append(...items.filter((one) => one.before === place).map(item));
    data.cards.forEach((card, place) => {
      other(place);
      const piece = template("t-card");
      person(piece, card);
      slot(piece, "href").href = `/g/customers/${card.customer}/`;
      slot(piece, "note").href = `/g/customers/${card.customer}/note/`;
      if (card.late) slot(piece, "chip").classList.add("late");
      if (!data.may_write) slot(piece, "note").remove();
      page.append(piece);
    });
    other(data.cards.length);
    return page;
  };
  // work without a customer: what to do, and that it does not fit
  const work = (piece, one) => {
    face(piece, one);
    write(piece, { name: one.name, subtitle: one.subtitle, text: one.text, due: one.due });
    slot(piece, "said").dataset.said = one.said;
    return piece;
  };
  const item = (one) => {
    const piece = work(template("t-item"), one);
    slot(piece, "href").href = `/g/items/${one.item}/`;
    slot(piece, "skip").href = `/g/items/${one.item}/not-suitable/`;
    if (one.late) slot(piece, "chip").classList.add("late");
    if (!one.may_excuse) slot(piece, "skip").remove();
    return piece;
  };
  const skipItem = (one) => {
    const piece = work(template("t-skip-item"), one);
    for (const form of [slot(piece, "form"), slot(piece, "otherform")]) {
      about(form, { ...one, customer: one.said, target: one.item });
    }
    for (const row of piece.querySelectorAll("button[name=reason]")) {
      if (!one.reasons.includes(row.value)) row.remove();
    }
    return piece;
  };
  const skip = (card) => {
    const piece = template("t-skip");
    person(piece, card);
    about(slot(piece, "form"), card);
    return piece;
  };

  // who wants to join needs no saved list, only a guide whose phone this is
  const enrol = (kept) => {
    const piece = phone.who() && kept?.data.may_write !== false ? template("t-enrol") : null;
    return piece?.firstElementChild ? piece : null;
  };

  const drawn = (path, kept) => {
    if (path === words.tools || path.startsWith(`${words.tools}enrol/`)) return enrol(kept);
    if (!kept) return null;
    const { data } = kept;
    if (path === "/g/") return today(data);
    const [, number, no] = path.match(/^\/g\/items\/(\d+)\/(not-suitable\/)?$/) || [];
    const found = number && (data.items || []).find((one) => `${one.item}` === number);
    if (found) return no && found.may_excuse ? skipItem(found) : item(found);
    const [, kind, id, , last] = path.match(/^\/g\/(customers|targets)\/([\w-]+)\/((note|not-suitable)\/)?$/) || [];
    const card = kind && data.cards.find((one) => `${kind === "customers" ? one.customer : one.target}` === id);
    if (!card) return null;
    return last === "not-suitable" ? skip(card) : customer(card, data);
  };

  const clear = () => {
    const place = Object.assign(document.createElement("div"), { id: "saved", className: "live" });
    document.querySelectorAll(".foot").forEach((bar) => bar.remove());
    document.querySelector("main").replaceChildren(document.getElementById("say"), place);
    return place;
  };

  // the page of this path from memory, in place of what stands there
  phone.draw = async (path) => {
    const place = document.getElementById("saved") || clear();
    if (path === words.queue) {
      const queue = document.createElement("div");
      queue.id = "queue";
      queue.className = "live";
      place.replaceChildren(queue);
    } else {
      const kept = await phone.savedCopy();
      place.replaceChildren(drawn(path, kept) || template("t-none"));
      const tip = document.getElementById("off-shown");
      if (tip && kept) { tip.hidden = false; tip.lastElementChild.textContent = fill(words.shown, { time: clock(kept.at) }); }
    }
    await show();
  };
  phone.show = show;
  document.addEventListener("phone:acts", () => show());
})();
