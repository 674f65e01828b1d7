/** The explorer reads without script; with it, what a page shows can be checked on this device. */

import explorerWords from "../words/explorer.js";
import verifyWords from "../words/verify.js";
import { showAlarms } from "./alarms.js";
import { checkRecord } from "./check.js";
import { say } from "./dom.js";
import { startHouse } from "./house.js";
import { busyPanel, spoken, verdictPanel } from "./panel.js";
import { addWords } from "./words.js";

addWords(explorerWords);
addWords(verifyWords);
startHouse();
showAlarms();

const place = document.getElementById("check");
const begin = document.getElementById("check-now");
const result = document.getElementById("result");
if (place && begin && result) {
  begin.hidden = false;
  begin.addEventListener("click", async () => {
    const busy = busyPanel("busy.receipt");
    result.hidden = false;
    result.replaceChildren(busy);
    const outcome = await checkRecord(place.dataset.record ?? "", { isOnline: true, say: (key) => busy.querySelector(".doing")?.replaceWith(say(key, "p", { class: "doing" })) });
    result.replaceChildren(verdictPanel(outcome, { isOnline: true }));
    const said = document.getElementById("said");
    if (said) said.textContent = spoken(outcome);
    await showAlarms();
  });
}
