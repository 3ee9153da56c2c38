// What waits to be submitted: kept first, then sent, and only done when the server says so.
(() => {
  "use strict";
  const phone = window.portalPhone;
  const MOST = 50;
  const PATIENCE = 10000;
  const LEASE = "guide.lease";
  const KEPT_AFTER = 24 * 3600000;
  const me = Math.random().toString(36).slice(2);
  const tabs = window.BroadcastChannel ? new BroadcastChannel("guide.acts") : null;
  let token = "";
  let tries = 0;
  let timer = 0;
  let wentOff = -1;

  phone.isOff = !navigator.onLine;
  const tell = () => {
    document.dispatchEvent(new CustomEvent("phone:acts"));
    if (tabs) tabs.postMessage(phone.who());
  };
  if (tabs) tabs.onmessage = () => document.dispatchEvent(new CustomEvent("phone:acts"));
  const network = (off) => {
    if (phone.isOff === off) return;
    phone.isOff = off;
    document.dispatchEvent(new CustomEvent("phone:network"));
  };

  const ask = async (address, options = {}) => {
    const began = performance.now();
    const stop = new AbortController();
    const clock = setTimeout(() => stop.abort(), PATIENCE);
    try {
      const answer = await fetch(address, {
        credentials: "same-origin", cache: "no-store", signal: stop.signal, ...options,
        headers: { Accept: "application/json", ...options.headers },
      });
      const order = answer.headers.get("X-Wipe");
      if (order) await phone.forget(order);
      if (answer.status < 500 && began > wentOff) network(false);
      return answer;
    } catch (error) {
      network(true);
      throw error;
    } finally {
      clearTimeout(clock);
    }
  };

  // today's list for later, and the token that goes with this session
  phone.refresh = async () => {
    const answer = await ask(phone.words.saved);
    if (!answer.ok) return null;
    const data = await answer.json();
    token = data.token;
    delete data.token;
    if (data.guide !== phone.who()) return null;
    await phone.keepCopy(data);
    return data;
  };

  const pageToken = () => document.querySelector("input[name=csrfmiddlewaretoken]")?.value || token;

  const post = async (batch, page) => {
    const body = JSON.stringify({
      guide: phone.who(), sent_at: new Date().toISOString(), page,
      actions: batch.map((act) => ({ client_id: act.id, kind: act.kind, made_at: act.made_at, fields: act.fields })),
    });
    const send = (known) => ask(phone.words.actions, {
      method: "POST", body, headers: { "Content-Type": "application/json", "X-CSRFToken": known },
    });
    if (!pageToken()) await phone.refresh();
    let answer = await send(pageToken());
    if (answer.status === 403 && await phone.refresh()) answer = await send(token);
    if (!answer.ok) throw new Error(`${answer.status}`);
    return (await answer.json()).answers;
  };

  const settle = (answers) => {
    const said = new Map(answers.map((answer) => [answer.client_id, answer]));
    return phone.change("acts", [...said.keys()], (act) => {
      const { state, reason } = said.get(act.id);
      if (!["done", "refused"].includes(state)) return { ...act, state: "saved" };
      return { ...act, state, reason, answered_at: new Date().toISOString() };
    });
  };

  const waiting = async () => (await phone.all("acts"))
    .filter((act) => act.state === "saved" || act.state === "sending")
    .sort((one, other) => (one.made_at < other.made_at ? -1 : 1));

  const mark = async (batch, state) => {
    const ids = batch.map((act) => act.id);
    await phone.change("acts", ids, (row) => (["saved", "sending"].includes(row.state) ? { ...row, state } : row));
    tell();
  };

  const submit = async () => {
    let done = 0;
    for (;;) {
      const batch = (await waiting()).slice(0, MOST);
      if (!batch.length) return done;
      await mark(batch, "sending");
      try {
        const answers = await post(batch, false);
        await settle(answers);
        const settled = answers.filter((answer) => answer.state !== "again").length;
        done += settled;
        tell();
        if (!settled) throw new Error("again");
      } catch (error) {
        await mark(batch, "saved");
        throw error;
      }
    }
  };

  // one tab submits; where there are no locks, a lease that ends by itself. Two at once would do no
  // harm: the server knows each act by its id
  const alone = async (work, wait) => {
    if (navigator.locks) return navigator.locks.request("guide.acts", { ifAvailable: !wait }, (lock) => (lock ? work() : 0));
    const [holder, until] = phone.recall(LEASE).split(" ");
    if (holder && holder !== me && Number(until) > Date.now()) return 0;
    phone.remember(LEASE, `${me} ${Date.now() + 60000}`);
    try { return await work(); } finally { phone.remember(LEASE, ""); }
  };

  phone.flush = async ({ wait = false } = {}) => {
    clearTimeout(timer);
    if ((phone.isOff && !navigator.onLine) || !phone.who() || !(await waiting().catch(() => [])).length) return 0;
    try {
      const done = await alone(submit, wait);
      tries = 0;
      if (done) document.dispatchEvent(new CustomEvent("phone:flushed"));
      return done;
    } catch {
      tries += 1;
      const pause = Math.min(300000, 2000 * 2 ** tries) * (0.5 + Math.random() / 2);
      timer = setTimeout(phone.flush, pause);
      return 0;
    }
  };

  // kept, then tried at once; the answer is null when there is no network
  phone.add = async (act) => {
    await phone.put("acts", act);
    tell();
    if (phone.isOff) return null;
    let answers;
    await mark([act], "sending");
    try {
      answers = await post([act], true);
    } catch {
      await mark([act], "saved");
      timer = setTimeout(phone.flush, 5000);
      return null;
    }
    const [answer] = answers;
    if (answer.state === "done") await phone.drop("acts", act.id); else await settle(answers);
    tell();
    return answer.state === "again" ? null : answer;
  };

  phone.tidy = async () => {
    for (const act of await phone.all("acts")) {
      if (act.state === "done" && Date.parse(act.answered_at) < Date.now() - KEPT_AFTER) await phone.drop("acts", act.id);
    }
  };

  window.addEventListener("offline", () => { wentOff = performance.now(); network(true); });
  window.addEventListener("online", () => { tries = 0; network(false); });
  // a phone that says it is online may be in a basement: what failed is tried again by itself
  setInterval(() => { if (phone.isOff) phone.refresh().catch(() => {}); }, 20000);
})();
