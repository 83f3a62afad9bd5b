// A camera or a video file, as JPEG pictures no larger than the server takes.
const SIDE = 640, RATE = 25;

export function source(video) {
  const canvas = document.createElement("canvas");
  let stream = null, address = null;

  async function camera() {
    if (!navigator.mediaDevices) throw new Error("Cameras are for https or localhost: open a video instead.");
    stop();
    stream = await navigator.mediaDevices.getUserMedia({
      video: { width: { ideal: SIDE }, height: { ideal: 480 }, frameRate: { ideal: RATE }, facingMode: "user" },
      audio: false,
    });
    video.srcObject = stream;
    await video.play();
  }

  async function file(chosen) {
    stop();
    address = URL.createObjectURL(chosen);
    video.src = address;
    video.loop = true;
    await video.play();
  }

  function stop() {
    stream?.getTracks().forEach((one) => one.stop());
    if (address) URL.revokeObjectURL(address);
    stream = address = null;
    video.srcObject = null;
    video.removeAttribute("src");
    video.load();
  }

  async function picture(limits) {
    const { videoWidth: width, videoHeight: height } = video;
    if (!width || video.readyState < 2) return null;
    const scale = Math.min(1, Math.min(SIDE, limits.side) / Math.max(width, height));
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
    for (const quality of [0.85, 0.6, 0.3]) {
      const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", quality));
      if (blob && blob.size <= limits.bytes) return blob;
    }
    return null;
  }

  return { camera, file, stop, picture, pause: 1000 / RATE };
}
