// The camera: asked for, looked at, and switched off. Its pictures stay in this page.

const PORTION = 4; // the camera is asked for so many times the pixels, each way, so that a mean over them is less noisy

/** What happened, and how to mend it: for every way in which a camera can fail to come. */
export const REASONS = {
  insecure: [
    "This page may not use a camera.",
    "Browsers give one only to pages that came safely: from https://, or from your own machine. " +
      "Open the notebook at http://localhost:8888 rather than at the machine's name or number. A saved page: run " +
      "“python -m http.server” in its folder and open http://localhost:8000.",
  ],
  NotAllowedError: [
    "The camera was refused.",
    "If you refused it by mistake, allow it behind the symbol at the left of the address and press Start again. If you were " +
      "never asked, your system's privacy settings keep cameras from this browser, or the page stands inside another " +
      "that does (VS Code, a slide, a course site): open it in a browser window of its own. A saved page that may not " +
      "ask: run “python -m http.server” in its folder and open http://localhost:8000.",
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

/** Words for what `openCamera` threw. */
export const reasonOf = ({ name, message }) => REASONS[name] ?? ["The camera did not start.", `The browser says: ${message || name}.`];

/** An open camera: `frame(mirrored)` gives the newest pixels, r g b a. `ended` is called when it is taken away.
 * Throws an error with a name, of which REASONS knows the usual ones. */
export async function openCamera(width, height, ended) {
  if (!navigator.mediaDevices?.getUserMedia) throw { name: "insecure" };
  const ideal = (value) => ({ ideal: value });
  const wanted = { width: ideal(PORTION * width), height: ideal(PORTION * height), frameRate: ideal(30), facingMode: ideal("user") };
  const stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
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
