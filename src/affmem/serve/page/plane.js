// The affect plane, where the reading is now and where it came from.
import { affectColour, FONT, sharp, theme, token, onTheme } from "./colour.js";

const TRAIL = 6; // seconds

export function plane(canvas) {
  let points = []; // {time, pk, own}
  let field = null;
  onTheme(() => { field = null; });

  const paint = sharp(canvas, (c, width, height) => {
    const side = Math.min(width, height), edge = 18, half = (side - 2 * edge) / 2;
    const [x0, y0] = [width / 2, height / 2];
    const at = ({ arousal, valence }) => [x0 + valence * half, y0 - arousal * half];
    field ??= tinted();
    c.save();
    c.globalAlpha = theme() === "dark" ? 0.3 : 0.22;
    c.beginPath(); c.roundRect(x0 - half, y0 - half, 2 * half, 2 * half, 10); c.clip();
    c.imageSmoothingEnabled = true;
    c.drawImage(field, x0 - half, y0 - half, 2 * half, 2 * half);
    c.restore();

    c.strokeStyle = token("--line"); c.lineWidth = 1;
    c.beginPath(); c.moveTo(x0 - half, y0); c.lineTo(x0 + half, y0);
    c.moveTo(x0, y0 - half); c.lineTo(x0, y0 + half); c.stroke();
    c.font = `13px ${FONT}`; c.fillStyle = token("--ink");
    c.textAlign = "center"; c.fillText("aroused", x0, y0 - half - 5); c.fillText("calm", x0, y0 + half + 14);
    for (const [word, sign] of [["unpleasant", -1], ["pleasant", 1]]) {
      c.textAlign = sign < 0 ? "left" : "right";
      c.fillText(word, x0 + sign * (half - 8), y0 - 6);
    }

    c.fillStyle = token("--muted");
    for (const [word, right, up] of [["tense", -1, 1], ["excited", 1, 1], ["gloomy", -1, -1], ["serene", 1, -1]]) {
      c.textAlign = right < 0 ? "left" : "right";
      c.fillText(word, x0 + right * (half - 8), up > 0 ? y0 - half + 18 : y0 + half - 9);
    }

    trail(c, points, "pk", at, token("--pk"));
    trail(c, points, "own", at, token("--memory"));
    const last = points.at(-1);
    if (last?.pk) {
      const [x, y] = at(last.pk);
      c.beginPath(); c.arc(x, y, 8, 0, 7); c.lineWidth = 6; c.strokeStyle = token("--paper"); c.stroke();
      c.lineWidth = 3; c.strokeStyle = token("--pk"); c.stroke();
    }
    if (last?.own) {
      const [x, y] = at(last.own);
      c.beginPath(); c.moveTo(x, y - 10); c.lineTo(x + 10, y); c.lineTo(x, y + 10); c.lineTo(x - 10, y); c.closePath();
      c.lineWidth = 3; c.strokeStyle = token("--paper"); c.stroke();
      c.fillStyle = token("--memory"); c.fill();
    }
  });

  return {
    add(time, pk, own) {
      points.push({ time, pk, own });
      points = points.filter((one) => time - one.time < TRAIL);
      paint();
    },
    clear() { points = []; paint(); },
  };
}

function trail(c, points, kind, at, colour) {
  c.lineCap = "round"; c.lineWidth = 2.5; c.strokeStyle = colour;
  const end = points.at(-1)?.time;
  for (let i = 1; i < points.length; i++) {
    const [from, to] = [points[i - 1], points[i]];
    if (!from[kind] || !to[kind]) continue;
    c.globalAlpha = 0.75 * (1 - (end - to.time) / TRAIL) ** 1.5;
    c.beginPath(); c.moveTo(...at(from[kind])); c.lineTo(...at(to[kind])); c.stroke();
  }
  c.globalAlpha = 1;
}

function tinted() {
  const size = 32, held = document.createElement("canvas");
  held.width = held.height = size;
  const c = held.getContext("2d");
  for (let x = 0; x < size; x++) for (let y = 0; y < size; y++) {
    c.fillStyle = affectColour(1 - (2 * y) / (size - 1), (2 * x) / (size - 1) - 1);
    c.fillRect(x, y, 1, 1);
  }
  return held;
}
