/**
 * Officers' keys on the page: making one after an invitation, waiting for the administrator, bringing one back; and the administrator's
 * side: invitations, and keys that wait.
 *
 * Rules: a key is not kept before its recovery file has been saved and opened again. The administrator compares the fingerprint with what
 * the officer reads out, and signs only then. What the node is sent: member, roles, public key, and a signature that shows possession.
 */

import { fromHex, toHex } from "../../verify/index.js";
import { askJson } from "../ask.js";
import { dialog, el, facts, icon, save, say, sayOr, time } from "../dom.js";
import { t } from "../words.js";
import { desk, keyFor, nameOf, refresh } from "./desk.js";
import { enact, showJob, takesQuorum } from "./enact.js";
import { LEAST_LETTERS, fingerprint, forgetKey, keepKey, makeKey, openPem, openRecovery, possession } from "./keys.js";
import { sendJson } from "./node.js";
import { problemNote, problemOf } from "./problems.js";
import { act, announce, checkbox, chooser, field, freshId, guarded, input, select } from "./ui.js";

/** @typedef {import("./keys.js").OfficeKey} OfficeKey */

const POLL_MS = 3_000;
const INVITATION = /^#moi=([a-z0-9._-]{1,64}),([a-z-]+(?:[,+][a-z-]+)*)$/;
const ROLES = ["office", "issuer", "producer", "key-manager", "administrator", "inspector", "auditor"];

/**
 * What an invitation in the address says.
 * @param {string} fragment
 * @returns {{member: string, roles: string[]}|null}
 */
export function invitationIn(fragment) {
  let text;
  try {
    text = decodeURIComponent(fragment);
  } catch {
    return null;
  }
  const match = INVITATION.exec(text);
  return match ? { member: match[1], roles: [...new Set(match[2].split(/[,+]/))].sort() } : null;
}

/** @param {string} member @param {string[]} roles */
export function invitationLink(member, roles) {
  return `${location.origin}/${roles.join() === "producer" ? "san-xuat" : "van-phong"}#moi=${member},${[...roles].sort().join(",")}`;
}

/** @param {string[]} roles */
function roleWords(roles) {
  return el("span", {}, ...roles.flatMap((role, at) => [at ? ", " : "", sayOr(`of.role.${role}`, role)]));
}

/** A passphrase field that can be looked at. @param {string} key @param {string} id @param {string} kind */
function passphrase(key, id, kind) {
  const box = input({ type: "password", id, autocomplete: kind, spellcheck: "false" });
  const look = checkbox(say("of.pass.show"));
  look.box.addEventListener("change", () => (box.type = look.box.checked ? "text" : "password"));
  return { box, whole: field(say(key), box, { extra: look.whole }) };
}

/**
 * The officer's way from an invitation to a key in service.
 * @param {{member: string, roles: string[]}} invitation
 * @param {() => void} ondone
 */
export function enrolPanel(invitation, ondone) {
  const place = el("div");
  const body = el("div");
  const steps = el("ol", { class: "progress-steps" }, ...["of.enrol.step-1", "of.enrol.step-2", "of.enrol.step-3"].map((key) => el("li", {}, say(key))));
  const panel = el("section", { class: "card enrol" }, say("of.enrol.title", "h2", { tabindex: "-1" }),
    facts([["of.enrol.for", nameOf(invitation.member)], ["ex.roles", roleWords(invitation.roles)]]), steps, body, place);

  /** @param {number} at @param {...Node} children */
  function step(at, ...children) {
    [...steps.children].forEach((one, index) => (index === at ? one.setAttribute("aria-current", "step") : one.removeAttribute("aria-current")));
    body.replaceChildren(...children);
    place.replaceChildren();
    /** @type {HTMLElement|null} */ (body.querySelector("h3"))?.focus();
  }

  function choose() {
    const first = passphrase("of.pass.new", "pass-new", "new-password");
    const again = passphrase("of.pass.again", "pass-again", "new-password");
    const form = el("form", { novalidate: true }, say("of.enrol.pass", "h3", { tabindex: "-1" }), say("of.enrol.pass-text", "p"), first.whole, again.whole,
      el("div", { class: "buttons" }, act("of.enrol.make", { kind: "primary", icon: "lock", type: "submit", id: "make-key" })));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const button = /** @type {HTMLElement} */ (form.querySelector("#make-key"));
      if ([...first.box.value].length < LEAST_LETTERS) return wrong("of.pass.short", first.box);
      if (first.box.value.normalize("NFKC") !== again.box.value.normalize("NFKC")) return wrong("of.pass.differ", again.box);
      guarded(button, place, async () => {
        const made = await makeKey({ ...invitation, chainId: desk.chainId }, desk.origin, first.box.value);
        await saved(made.key, made.recovery);
      });
    });
    step(0, form);
  }

  /** @param {string} key @param {HTMLElement} where */
  function wrong(key, where) {
    place.replaceChildren(say(key, "p", { class: "error", role: "alert" }));
    where.setAttribute("aria-invalid", "true");
    where.focus();
  }

  /** @param {OfficeKey} key @param {string} recovery */
  async function saved(key, recovery) {
    const print = await fingerprint(key.publicKey);
    const name = `khoa-${key.member}-${print.slice(0, 9).replace(" ", "")}.sogoc-recovery.json`;
    const hand = () => save(name, recovery, "application/json");
    const again = passphrase("of.pass.check", "pass-check", "current-password");
    /** @type {File|null} */
    let chosen = null;
    const shown = el("p", { class: "chosen" });
    const check = act("of.enrol.check", { kind: "primary", type: "submit", id: "check-recovery" });
    const form = el("form", { novalidate: true },
      chooser({ titleKey: "of.enrol.reopen", buttonKey: "of.enrol.reopen-button", accept: ".json,application/json", id: "recovery-check", onfiles: ([file]) => {
        chosen = file;
        shown.replaceChildren(icon("file"), ` ${file.name}`);
        again.box.focus();
      } }), shown, again.whole, el("div", { class: "buttons" }, check));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!chosen) {
        place.replaceChildren(say("of.enrol.reopen-first", "p", { class: "error", role: "alert" }));
        return;
      }
      const file = chosen;
      guarded(check, place, async () => {
        const opened = await openRecovery(await file.text(), again.box.value, desk.chainId);
        if (opened.publicKey !== key.publicKey) {
          place.replaceChildren(say("of.enrol.other-file", "p", { class: "error", role: "alert" }));
          return;
        }
        await keepKey(opened);
        desk.keys.push(opened);
        history.replaceState(null, "", `${location.pathname}#khoa`);
        waiting(opened);
      });
    });
    step(1, say("of.enrol.save", "h3", { tabindex: "-1" }), say("of.enrol.save-text", "p"),
      el("div", { class: "buttons" }, act("of.enrol.save-button", { kind: "primary", icon: "save", id: "save-recovery", onclick: hand })), form);
  }

  /** @param {OfficeKey} key */
  function waiting(key) {
    step(2, waitPanel(key, ondone));
  }

  choose();
  return panel;
}

/**
 * A key that waits for an administrator: asks, and asks again until it is in service.
 * @param {OfficeKey} key
 * @param {() => void} ondone
 */
export function waitPanel(key, ondone) {
  const print = el("strong", { class: "print", id: "my-fingerprint" });
  const state = el("div", {});
  fingerprint(key.publicKey).then((text) => (print.textContent = text));
  const command = el("pre", { class: "policy-text" });
  possession(key).then((shows) => (command.textContent = `sogoc member add --key keys/admin.pem --member ${key.member} --roles ${key.roles.join(",")} --public-key ${key.publicKey} --possession ${toHex(shows)}`));
  const panel = el("div", { class: "wait" }, say("of.wait.title", "h3", { tabindex: "-1" }), say("of.wait.text", "p"), el("p", { class: "print-line" }, print), state,
    el("details", {}, say("of.wait.command", "summary"), el("div", { class: "inside" }, command)));
  let isOver = false;

  async function ask() {
    if (isOver || (asked && !panel.isConnected)) return;
    asked = true;
    await refresh();
    const now = desk.keys.find((one) => one.publicKey === key.publicKey);
    if (!now || now.state === "ready") {
      isOver = true;
      announce(t("of.wait.done"));
      ondone();
      return;
    }
    const list = await askJson("/v1/enrolments");
    if (list.kind === "ok" && !list.value.enrolments.some((/** @type {any} */ one) => one.public_key === key.publicKey)) {
      const sent = await sendJson("/v1/enrolments", { member: key.member, roles: key.roles, public_key: key.publicKey, possession: toHex(await possession(key)) });
      state.replaceChildren(...(sent.kind === "refused" ? [problemNote(sent.problem)] : []));
    } else if (list.kind !== "ok") state.replaceChildren(say("of.offline-now", "p", { class: "soft" }));
    else state.replaceChildren(el("p", { class: "doing" }, icon("expired"), say("of.wait.waiting")));
    setTimeout(ask, POLL_MS);
  }
  let asked = false;
  ask();
  return panel;
}

/** The tab of keys. @param {() => void} onchange */
export function keyView(onchange) {
  const mine = el("div");
  const admin = el("div");
  const view = el("div", {}, say("of.keys.title", "h2", { tabindex: "-1" }), mine, admin, bringBack(onchange));

  async function show() {
    const cards = await Promise.all(desk.keys.map(keyCard));
    mine.replaceChildren(...(cards.length ? cards : [say("of.keys.none", "p"), say("of.keys.how", "p", { class: "soft" })]));
    const manager = keyFor("key.register/1");
    if (!manager) admin.replaceChildren();
    else if (!admin.children.length) admin.append(pendingCard(manager), inviteCard(manager));
  }

  /** @param {OfficeKey} key */
  async function keyCard(key) {
    const forget = act("of.keys.forget", { kind: "small quiet", onclick: () => openForget(key, onchange) });
    return el("section", { class: "card key", "data-state": key.state },
      el("h3", {}, icon("lock"), " ", nameOf(key.member)),
      facts([["of.keys.print", el("span", { class: "print" }, await fingerprint(key.publicKey))], ["ex.roles", roleWords(key.roles)], ["ex.status", say(`of.keys.${key.state}`)], ["of.keys.made", time(key.madeMs)]]),
      key.state === "asked" ? waitPanel(key, onchange) : null, el("div", { class: "buttons" }, forget));
  }

  return { view, show };
}

/** @param {OfficeKey} key @param {() => void} onchange */
function openForget(key, onchange) {
  const go = act("of.keys.forget-do", { kind: "danger", id: "forget-do", onclick: async () => {
    await forgetKey(key.publicKey);
    desk.keys = desk.keys.filter((one) => one.publicKey !== key.publicKey);
    box.close();
    onchange();
  } });
  const box = dialog("of.keys.forget", [say("of.keys.forget-text", "p"), el("div", { class: "buttons" }, go)]);
}

/** Bring a key back from its recovery file, or from the PEM of `sogoc init`. @param {() => void} onchange */
export function bringBack(onchange) {
  const place = el("div");
  const pass = passphrase("of.back.pass", "pass-back", "current-password");
  const shown = el("p", { class: "chosen" });
  /** @type {string|null} */
  let text = null;
  const go = act("of.back.open", { kind: "primary", type: "submit", id: "open-recovery" });
  const form = el("form", { novalidate: true, hidden: true }, shown, pass.whole, el("div", { class: "buttons" }, go));

  /** @param {OfficeKey} key */
  async function keep(key) {
    await keepKey(key);
    await refresh();
    place.replaceChildren();
    form.hidden = true;
    onchange();
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    guarded(go, place, async () => {
      const key = await openRecovery(text ?? "", pass.box.value, desk.chainId);
      pass.box.value = "";
      await keep(key);
    });
  });
  const files = chooser({ titleKey: "of.back.choose", buttonKey: "of.choose", noteKey: "of.back.stays", accept: ".json,.pem,application/json", id: "key-file", onfiles: async ([file]) => {
    place.replaceChildren();
    text = await file.slice(0, 100_000).text();
    form.hidden = true;
    if (text.trimStart().startsWith("{")) {
      shown.replaceChildren(icon("file"), ` ${file.name}`);
      form.hidden = false;
      pass.box.focus();
      return;
    }
    try {
      const key = await openPem(text, desk.chainId);
      await keep(key);
    } catch (error) {
      place.replaceChildren(problemNote(problemOf(error)));
    }
  } });
  return el("details", { class: "back", id: "bring-back" }, say("of.back.title", "summary"), el("div", { class: "inside" }, say("of.back.text", "p"), files, form, place));
}

// -- the administrator -------------------------------------------------------------------------------------------------

/** @param {OfficeKey} manager */
function pendingCard(manager) {
  const list = el("ul", { class: "papers", id: "pending", hidden: true });
  const none = say("of.admin.none", "p", { class: "soft" });
  const card = el("section", { class: "card" }, say("of.admin.title", "h3"), say("of.admin.text", "p"), none, list);
  /** @type {Map<string, HTMLElement>} */
  const rows = new Map();

  async function poll() {
    const answer = await askJson("/v1/enrolments");
    if (answer.kind === "ok") {
      const keys = new Set(answer.value.enrolments.map((/** @type {any} */ one) => one.public_key));
      for (const [key, row] of rows) {
        if (!keys.has(key) && !row.hasAttribute("data-busy")) {
          row.remove();
          rows.delete(key);
        }
      }
      for (const one of answer.value.enrolments) {
        if (rows.has(one.public_key)) continue;
        const row = await enrolmentRow(one);
        rows.set(one.public_key, row);
        list.append(row);
      }
      none.hidden = rows.size > 0;
      list.hidden = !rows.size;
    }
    if (card.isConnected) setTimeout(poll, POLL_MS);
  }

  /** @param {any} one */
  async function enrolmentRow(one) {
    const place = el("div");
    const print = await fingerprint(one.public_key);
    const approve = act("of.admin.approve", { kind: "primary small", icon: "check", onclick: () => openApprove(one, print) });
    return el("li", { "data-key": one.public_key }, el("span", { class: "what" }, nameOf(one.member), " · ", roleWords(one.roles)),
      el("span", { class: "more" }, el("span", { class: "print" }, print), " · ", time(one.asked_ms)), approve, place);
  }

  /** @param {any} one @param {string} print */
  function openApprove(one, print) {
    const place = el("div");
    const go = act("of.admin.approve-do", { kind: "primary", icon: "lock", id: "approve-do", onclick: () => guarded(go, place, async () => {
      const body = { authority: manager.member, member: one.member, key: fromHex(one.public_key), roles: one.roles, possession: fromHex(one.possession) };
      const id = await enact(manager, "key.register/1", body, print);
      go.hidden = true;
      showJob(id, place, (state) => {
        if (isProposed && state === "final") place.append(say("of.gov.proposed", "p"));
      });
    }) });
    const isProposed = takesQuorum(manager, "key.register/1", one.member);
    dialog("of.admin.approve", [say("of.admin.compare", "p"), el("p", { class: "print-line" }, el("strong", { class: "print" }, print)),
      facts([["ex.member", nameOf(one.member)], ["ex.roles", roleWords(one.roles)]]), el("div", { class: "note warn" }, say("of.admin.warn", "p")), isProposed ? say("of.gov.sign-note-key", "p") : null, place, el("div", { class: "buttons" }, go)]);
  }

  setTimeout(poll, 0);
  return card;
}

/** @param {OfficeKey} manager */
function inviteCard(manager) {
  const isAdministrator = manager.roles.includes("administrator");
  const members = desk.members.filter((one) => one.ended_ms === null && (isAdministrator || one.id === manager.member));
  const whose = select(members.map((one) => [one.id, one.name]), { id: "invite-member" });
  const group = freshId();
  const ticks = ROLES.map((role) => ({ role, ...checkbox(sayOr(`of.role.${role}`, role), { "data-role": role }) }));
  const link = /** @type {HTMLInputElement} */ (input({ id: "invite-link", readonly: true, class: "input code-input" }));
  const code = /** @type {HTMLImageElement} */ (el("img", { class: "qr", alt: "", width: "220", height: "220" }));
  const out = el("div", { class: "invite", hidden: true }, code, el("div", { class: "grow" }, field(say("of.invite.link"), link),
    el("div", { class: "buttons" }, act("action.copy", { kind: "small", onclick: async () => {
      link.select();
      await navigator.clipboard?.writeText(link.value).catch(() => {});
    } })), say("of.invite.after", "p", { class: "soft small" })));

  function show() {
    const held = members.find((one) => one.id === whose.value)?.roles ?? [];
    for (const { role, box, whole } of ticks) {
      whole.hidden = !held.includes(role);
      if (whole.hidden) box.checked = false;
    }
    const roles = ticks.filter(({ box }) => box.checked).map(({ role }) => role);
    out.hidden = !roles.length;
    if (!roles.length) return;
    link.value = invitationLink(whose.value, roles);
    code.src = `/van-phong/ma-moi.svg?link=${encodeURIComponent(link.value)}`;
    code.alt = t("of.invite.qr");
  }

  for (const { role, box } of ticks) {
    box.checked = role === "office" || role === "issuer";
    box.addEventListener("change", show);
  }
  whose.addEventListener("change", show);
  show();
  return el("section", { class: "card", id: "invite" }, say("of.invite.title", "h3"), say("of.invite.text", "p"), field(say("ex.member"), whose),
    el("div", { class: "field", role: "group", "aria-labelledby": group }, say("ex.roles", "span", { class: "label", id: group }), el("div", { class: "ticks" }, ...ticks.map(({ whole }) => whole))), out);
}
