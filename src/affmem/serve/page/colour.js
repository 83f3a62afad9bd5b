// The colour of an affect: four corners of the plane, and between them what lies between.
// Oklab would be nicer still; linear light is enough to keep the middle from turning to mud.
const CORNERS = { // [valence < 0, valence > 0] of high and of low arousal
  light: [[[200, 30, 60], [232, 145, 0]], [[84, 70, 175], [0, 134, 110]]],
  dark: [[[255, 92, 120], [255, 190, 70]], [[150, 140, 255], [60, 205, 170]]],
};
const MIDDLE = { light: [120, 130, 145], dark: [150, 160, 175] };
const dark = matchMedia("(prefers-color-scheme: dark)");

export const theme = () => (dark.matches ? "dark" : "light");
export const onTheme = (redraw) => dark.addEventListener("change", redraw);
export const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function affectColour(arousal, valence) {
  if (arousal === null) return `rgb(${MIDDLE[theme()].join(" ")})`;
  const [up, across] = [(arousal + 1) / 2, (valence + 1) / 2];
  const corner = CORNERS[theme()], middle = MIDDLE[theme()];
  const far = Math.min(1, Math.hypot(arousal, valence) * 1.1);
  const mixed = [0, 1, 2].map((one) => {
    const high = corner[0][0][one] * (1 - across) + corner[0][1][one] * across;
    const low = corner[1][0][one] * (1 - across) + corner[1][1][one] * across;
    return Math.round((low * (1 - up) + high * up) * far + middle[one] * (1 - far));
  });
  return `rgb(${mixed.join(" ")})`;
}

export const signed = (value) => ((value ?? null) === null ? "–" : `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`);

// A canvas as sharp as the screen is; calls `draw(context, width, height)` in CSS pixels.
export function sharp(canvas, draw) {
  const paint = () => {
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!width || !height) return;
    const ratio = devicePixelRatio || 1;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    draw(context, width, height);
  };
  new ResizeObserver(paint).observe(canvas);
  onTheme(paint);
  return paint;
}

export const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif';
export const still = matchMedia("(prefers-reduced-motion: reduce)");
