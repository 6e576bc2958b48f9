// The camera: asked for, looked at, and switched off. Its pictures stay in this page.

const PORTION = 4; // the camera is asked for so many times the pixels, each way, so that a mean over them is less noisy

/** For each way in which a camera can fail to come: what happened, and how to mend it. */
export const REASONS = {
  insecure: [
    "This address may not use a camera.",
    "Browsers give one only to pages that came safely: over https://, or from your own machine.",
  ],
  NotAllowedError: [
    "The camera was refused.",
    "Allow it behind the symbol at the left of the address, and press Start again. If you were never asked, look into " +
      "your system’s privacy settings: they may keep cameras from this browser.",
  ],
  NotFoundError: ["No camera was found.", "Plug one in, or switch it on at its slide or its key, and press Start again."],
  NotReadableError: [
    "The camera is there but does not answer.",
    "Most often another program has it: leave the video call or close that program, and press Start again.",
  ],
  ended: ["The camera has gone.", "It was unplugged, or its permission was taken back. Press Start to ask again."],
  silent: [
    "The camera sends no pictures.",
    "Look for a slide or a key that covers it, close other programs that may hold it, and press Start again.",
  ],
};
REASONS.SecurityError = REASONS.NotAllowedError;
REASONS.OverconstrainedError = REASONS.NotFoundError;
REASONS.AbortError = REASONS.NotReadableError;

/** What to do on this page, if it is the page that keeps the camera away. */
function placeMends() {
  const mends = [];
  const local = `http://localhost${location.port && `:${location.port}`}`;
  if (location.protocol === "file:") {
    mends.push("Or, in the folder of this saved page, run “python -m http.server” and open http://localhost:8000.");
  } else if (!isSecureContext) {
    mends.push(`Is it your own machine? Then open ${local} instead of ${location.origin}. Another one needs https://.`);
  }
  if (self !== top) {
    mends.push(
      "This page stands inside another one (VS Code, a slide, a course site), which may keep cameras out: " +
        "open it in a browser window of its own.",
    );
  }
  return mends;
}

/** Words for what `openCamera` threw. */
export function reasonOf({ name, message }) {
  const [what, mend] = REASONS[name] ?? ["The camera did not start.", `The browser says: ${message || name}.`];
  const refused = ["insecure", "NotAllowedError", "SecurityError"].includes(name);
  return [what, [mend, ...(refused ? placeMends() : [])].join(" ")];
}

/** An open camera: `frame(mirrored)` gives the newest pixels, r g b a. `ended` is called when it is taken away.
 * Throws an error with a name, of which REASONS knows the usual ones. */
export async function openCamera(width, height, ended) {
  if (!navigator.mediaDevices?.getUserMedia) throw { name: "insecure" };
  const ideal = (value) => ({ ideal: value });
  const size = { width: ideal(PORTION * width), height: ideal(PORTION * height) };
  const kind = { ...size, frameRate: ideal(30), facingMode: ideal("user") };
  const stream = await navigator.mediaDevices.getUserMedia({ video: kind, audio: false });
  const video = document.createElement("video");
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "medium"; // a mean over the pixels that fall into one, not one of them
  let [open, fresh, last] = [true, false, -1];

  function stop() {
    open = false;
    for (const track of stream.getTracks()) track.stop(); // the camera's light goes out
    video.srcObject = null;
    context.clearRect(0, 0, width, height);
  }
  /** Whether there is a frame that was not asked for yet. */
  function isNew() {
    if (!video.requestVideoFrameCallback) {
      fresh = video.readyState >= 2 && video.currentTime !== last;
      last = video.currentTime;
    }
    const answer = fresh;
    fresh = false;
    return answer;
  }
  function frame(mirrored) {
    // As much of the middle as has our shape.
    const zoom = Math.max(width / video.videoWidth, height / video.videoHeight);
    const [wide, high] = [video.videoWidth * zoom, video.videoHeight * zoom];
    context.setTransform(mirrored ? -1 : 1, 0, 0, 1, mirrored ? width : 0, 0);
    context.drawImage(video, (width - wide) / 2, (height - high) / 2, wide, high);
    return context.getImageData(0, 0, width, height).data;
  }
  const again = () => {
    fresh = true;
    if (open) video.requestVideoFrameCallback(again);
  };

  for (const track of stream.getTracks()) track.addEventListener("ended", () => open && ended());
  video.muted = video.playsInline = true;
  video.srcObject = stream;
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(again);
  video.play().catch(() => {}); // a camera that sends nothing is noticed by whoever waits for its frames
  return { stop, isNew, frame };
}
