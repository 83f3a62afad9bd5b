// Arousal and valence over the last minute, by both readers.
import { FONT, sharp, token } from "./colour.js";

const SPAN = 60; // seconds

export function timeline(canvas) {
  let points = [];

  const paint = sharp(canvas, (c, width, height) => {
    const left = 62, right = width - 4, gap = 10, foot = 18;
    const lane = (height - gap - foot) / 2, end = points.at(-1)?.time ?? 0;
    const x = (time) => right - ((end - time) / SPAN) * (right - left);
    c.font = `13px ${FONT}`;
    ["arousal", "valence"].forEach((kind, number) => {
      const top = number * (lane + gap), middle = top + lane / 2;
      c.strokeStyle = token("--grid"); c.lineWidth = 1;
      c.beginPath(); c.roundRect(left + 0.5, top + 0.5, right - left - 1, lane - 1, 6); c.stroke();
      c.beginPath(); c.moveTo(left, middle); c.lineTo(right, middle); c.stroke();
      c.fillStyle = token("--ink"); c.textAlign = "left"; c.textBaseline = "middle"; c.fillText(kind, 0, middle);
      c.fillStyle = token("--muted"); c.textAlign = "right";
      c.fillText("1", left - 5, top + 8); c.fillText("−1", left - 5, top + lane - 8);
      line(c, "pk", kind, token("--pk"), 1.5);
      line(c, "own", kind, token("--memory"), 2.5);
      function line(c, reader, kind, colour, thick) {
        c.strokeStyle = colour; c.lineWidth = thick; c.lineJoin = "round"; c.beginPath();
        let before = null;
        for (const one of points) {
          const value = one[reader]?.[kind];
          if (value === undefined) { before = null; continue; }
          const place = [x(one.time), middle - value * (lane / 2 - 3)];
          if (before === null || one.time - before > 1.5) c.moveTo(...place); else c.lineTo(...place);
          before = one.time;
        }
        c.stroke();
      }
    });
    c.fillStyle = token("--muted"); c.textBaseline = "alphabetic";
    c.textAlign = "left"; c.fillText("1 min ago", left, height - 3);
    c.textAlign = "right"; c.fillText("now", right, height - 3);
  });

  return {
    add(time, pk, own) {
      points.push({ time, pk, own });
      while (points.length && time - points[0].time > SPAN) points.shift();
      paint();
    },
    clear() { points = []; paint(); },
  };
}
