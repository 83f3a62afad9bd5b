// The page: what is pressed, what is heard, and where it is shown.
import { graph } from "./graph.js";
import { link } from "./link.js";
import { plane } from "./plane.js";
import { source } from "./source.js";
import { timeline } from "./timeline.js";
import { sharp, signed } from "./colour.js";

const $ = (id) => document.getElementById(id);
const show = (id, visible) => { $(id).hidden = !visible; };
const KEY = "affmem.person"; // the pseudonym, so that a reload finds its memory again

const input = source($("video"));
const charts = [plane($("plane")), timeline($("time"))];
const memory = graph($("graph"), $("graph-text"), $("graph-none"), $("graph-now"));
const wire = link(heard);
let person = localStorage.getItem(KEY), paused = false, running = false, seen = null, sent = 0;
let times = [], spoken = 0;
let opening = false, agreed = null; // a source that opens; what was agreed to before anyone could be told

// --- camera and video -----------------------------------------------------------------------

$("camera").onclick = () => begin(() => input.camera(), true);
$("file").onclick = () => $("chosen").click();
$("chosen").onchange = () => {
  const [chosen] = $("chosen").files;
  if (chosen) begin(() => input.file(chosen), false);
};
$("stop").onclick = () => {
  running = false;
  agreed = null;
  input.stop();
  wire.close();
  source_shown(false);
  state("Camera off");
  $(`camera`).focus();
};

async function begin(open, mirrored) {
  notice();
  opening = true;
  try {
    await open();
  } catch (error) {
    agreed = null;
    input.stop();
    source_shown(false);
    const why = { NotAllowedError: "The browser was not allowed to use the camera.", NotFoundError: "There is no camera.", NotReadableError: "Another program uses the camera.", NotSupportedError: "This video cannot be played here." };
    return notice(why[error.name] ?? error.message);
  } finally {
    opening = false;
  }
  $("frame").classList.toggle("mirrored", mirrored);
  charts.forEach((one) => one.clear());
  source_shown(true);
  if (running) return;
  running = true;
  state("Connecting…");
  wire.open();
  watch();
}

function source_shown(on) {
  show("blank", !on); show("stop", on); show("camera", !on); show("file", !on); show("pace", on);
  $("pause").disabled = $("edits").disabled = !on;
  if (!on) { seen = null; overlay(); memory.mark(null, 0); }
}

async function watch() {
  while (running) {
    const next = performance.now() + input.pause;
    if (wire.ready()) {
      const picture = await input.picture(wire.limits());
      if (picture && wire.ready()) { sent = performance.now(); wire.show(picture); }
    }
    await new Promise((done) => setTimeout(done, Math.max(4, next - performance.now())));
  }
}

// --- what is heard --------------------------------------------------------------------------

function heard(message) {
  switch (message.type) {
    case "hello":
      state("Looking for a face…");
      if (agreed) wire.say(agreed);
      else if (person) wire.say({ type: "continue", person });
      agreed = null;
      break;
    case "reading": reading(message); break;
    case "memory": memory.show(message); $("kept-units").textContent = message.units; break;
    case "person": known(message); break;
    case "refused": refused(message); break;
    case "edits": edits(message); break;
    case "erased": forgotten(message.person); break;
    case "error": notice(`${message.problem}.`); break;
    case "lost": state("Connection lost; trying again…", "wrong"); break;
  }
}

function reading(message) {
  const now = performance.now();
  times = [...times.filter((one) => now - one < 2000), now];
  $("pace").textContent = `${Math.round(times.length / 2)} frames a second; answered in ${Math.round(now - sent)} ms`
    + (message.dropped ? `; ${message.dropped} frames passed over` : "");
  const own = message.faces.find((one) => person && one.person === person);
  const face = own ?? message.faces[0];
  seen = { size: message.size, faces: message.faces };
  overlay();
  charts.forEach((one) => one.add(now / 1000, face?.pk ?? null, own?.memory ?? null));
  numbers("pk", face?.pk); numbers("own", own?.memory);
  if (own) $("kept-units").textContent = own.units;
  memory.mark(own?.unit ?? null, own?.units ?? 0);
  if (own?.learnt) $("kept-faces").textContent = Number($("kept-faces").textContent) + 1;
  state(!face ? "No face" : own ? (own.learnt ? "Reading and learning" : "Reading; learning paused") : "Reading", face ? "on" : "");
  speak(face, own);
}

function numbers(reader, affect) {
  for (const kind of ["arousal", "valence"]) $(`${reader}-${kind}`).textContent = signed(affect?.[kind]);
}

function speak(face, own) { // a summary for those who hear the page, now and then
  const now = performance.now();
  if (now - spoken < 10000) return;
  spoken = now;
  const words = ({ arousal, valence }) => `arousal ${signed(arousal)}, valence ${signed(valence)}`;
  $("spoken").textContent = !face ? "No face is seen."
    : own?.memory ? `By your memory: ${words(own.memory)}. As anyone: ${words(face.pk)}. ${own.units} units.`
    : face.pk ? `As anyone: ${words(face.pk)}.` : "A face is seen.";
}

const overlay = sharp($("overlay"), (c, width, height) => {
  if (!seen?.size) return;
  const [w, h] = seen.size, scale = Math.min(width / w, height / h);
  c.translate((width - w * scale) / 2, (height - h * scale) / 2);
  for (const face of seen.faces) {
    const own = person && face.person === person;
    c.beginPath();
    face.corners.forEach(([x, y], i) => c[i ? "lineTo" : "moveTo"](x * scale, y * scale));
    c.closePath();
    c.setLineDash(own ? [] : [6, 5]);
    c.lineWidth = 5; c.strokeStyle = "rgb(0 0 0 / 0.55)"; c.stroke();
    c.lineWidth = 2.5; c.strokeStyle = own ? "#6cc4ff" : "#ffffff"; c.stroke();
  }
});

function state(text, kind = "") {
  if ($("state").textContent !== text) $("state").textContent = text;
  $("state").className = `pill ${kind}`;
}

function notice(text = "", label = "", act = null) {
  show("notice", Boolean(text));
  $("notice-text").textContent = text;
  show("notice-act", Boolean(label));
  $("notice-act").textContent = label;
  $("notice-act").onclick = act;
}

// --- the person and their memory ------------------------------------------------------------

const days = () => Number($("days").value);
const date = (when) => when.toLocaleDateString(undefined, { year: "numeric", month: "long", day: "numeric" });
const until = () => {
  const when = new Date(Date.now() + days() * 864e5);
  $("until").dateTime = when.toISOString();
  $("until").textContent = date(when);
};
const about = (name, rest = "") => `/api/people/${encodeURIComponent(name)}${rest}`;

$("days").onchange = until;
$("consent").onsubmit = (event) => {
  event.preventDefault();
  if (!running && !opening) return notice("First use the camera, or open a video.");
  notice();
  const word = { type: "start", person: $("name").value.trim(), days: days() };
  agreed = wire.say(word) ? null : word;
};
$("pause").onclick = () => wire.say({ type: paused ? "resume" : "pause" });
$("edits").onclick = () => { wire.say({ type: "edits" }); state("Drawing…"); };
$("erase").onclick = () => {
  $("sure-name").textContent = person;
  $("sure").returnValue = "keep";
  $("sure").showModal();
};
$("sure").onclose = async () => {
  if ($("sure").returnValue !== "erase") return;
  const name = person;
  const answer = await fetch(about(name), { method: "DELETE" });
  if (answer.ok) forgotten(name);
  else notice((await answer.json()).problem);
};

function known(message) {
  if (!message.person) return;
  person = message.person;
  paused = message.paused;
  localStorage.setItem(KEY, person);
  facts(message);
  $("pause").textContent = paused ? "Resume" : "Pause";
  if (message.absent) {
    notice(`Your face was away. Is it ${person} again?`, "Yes, go on", () => { notice(); wire.say({ type: "continue", person }); });
  } else notice();
}

function facts({ person: name, faces, units, expires }) {
  show("consent", false); show("kept", true);
  $("kept-name").textContent = name;
  $("kept-faces").textContent = faces;
  $("kept-units").textContent = units;
  $("kept-until").textContent = expires ? date(new Date(expires)) : "you erase it";
  $("export").href = about(name, "/export");
}

function refused({ person: name, why, problem }) {
  if (why === "busy") {
    notice(`Another window or camera is watching ${name}. Here you are only read; nothing is learnt.`, "Try again",
      () => { notice(); wire.say({ type: "continue", person: name }); });
  } else if (why === "changed") {
    notice("Another program has changed or erased this memory; what was learnt here last is void.", "Fetch it again",
      () => { notice(); wire.say({ type: "continue", person: name }); });
  } else if (why === "unknown") {
    forgotten(name);
    notice(`No memory of ${name} is kept here any more.`);
  } else notice(`${problem}.`);
}

function forgotten(name) {
  if (name !== person) return;
  person = null; paused = false;
  localStorage.removeItem(KEY);
  memory.clear();
  numbers("own");
  show("consent", true); show("kept", false); show("edits-part", false);
  $("sheet").removeAttribute("src");
  $("agree").checked = false;
  suggest();
  if (!running) state("Camera off");
  notice(`All that was learnt of ${name} is erased.`);
}

function edits({ image }) {
  show("edits-part", true);
  $("sheet").src = image;
  $("sheet").alt = "Your face drawn 25 times: arousal falls from row to row, valence rises from column to column";
  $("edits-part").scrollIntoView({ block: "nearest" });
}

function suggest() { // a name that says nothing about anyone
  const words = [["amber", "brisk", "calm", "early", "gentle", "keen", "mellow", "quiet", "sunny", "vivid"], ["finch", "heron", "lark", "otter", "robin", "stork", "swift", "tern", "vole", "wren"]];
  const lots = crypto.getRandomValues(new Uint32Array(3));
  $("name").value = `${words.map((some, i) => some[lots[i] % some.length]).join("-")}-${100 + (lots[2] % 900)}`;
}

async function returning() {
  const answer = await fetch(about(person));
  if (answer.status === 404) return refused({ person, why: "unknown" });
  if (!answer.ok) return notice("The server did not answer as it should; reload the page.");
  facts(await answer.json());
  memory.show(await (await fetch(about(person, "/memory"))).json());
  state(`Camera off; ${person} is remembered`);
}

if (!["localhost", "127.0.0.1", "[::1]"].includes(location.hostname)) {
  $("where").textContent = `Pictures go to ${location.hostname} and nowhere else; none is kept.`;
}
until();
suggest();
if (person) returning();
