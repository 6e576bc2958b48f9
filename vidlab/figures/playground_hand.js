// What moves the object: a pointer that it runs after, keys, or a demonstration when nobody touches it. It moves as the
// objects that the networks learned from: along a row or a column, at 1 to 2 pixels a frame, or it rests.
import { clamp } from "./kit.js";

export const HEADINGS = [[1, 0], [0, 1], [-1, 0], [0, -1]]; // right, down, left, up
export const ARROWS = { ArrowRight: 0, ArrowDown: 1, ArrowLeft: 2, ArrowUp: 3 };
const KEY_SPEED = 1.5; // pixels a frame
const LEAD = 3; // pixels: how far ahead the pointer is when it starts, and frames in which it would be there
const TURN = 2; // it leaves its row for a column when the way there is so many times as long
const SHOW = [0, 1, 2, 3]; // the demonstration's directions, and how fast between lowest and highest
const PACES = [0.4, 0.8, 0.2, 0.9, 0.6];
const [RUN, PAUSE] = [24, 10]; // frames

/** speed: lowest and highest. least: frames that a touch of a key lasts, as long as what the networks see. */
export function makeHand({ x, y, speed: [low, high], least }) {
  const self = { x, y, heading: null, speed: 0, goal: null, down: false, demo: true };
  const held = new Set();
  let [tapped, still, script] = [0, Infinity, 0]; // frames

  function towards(goal) {
    const way = [goal.x - self.x, goal.y - self.y];
    const far = way.map(Math.abs);
    let axis = self.heading === null ? null : self.heading % 2;
    const longer = Number(far[1] > far[0]);
    const turns = axis !== null && longer !== axis && far[longer] > Math.max(TURN * far[axis], LEAD);
    if (axis === null || far[axis] < low || turns) {
      if (far[longer] < LEAD) { // near enough: it does not walk in steps smaller than the networks have seen
        if (!self.down) self.goal = null;
        return [null, 0];
      }
      axis = longer;
    }
    return [way[axis] > 0 ? axis : axis + 2, clamp(far[axis] / LEAD, low, high)];
  }
  function shown() {
    const [round, place] = [Math.floor(script / (RUN + PAUSE)), script % (RUN + PAUSE)];
    script += 1;
    const pace = low + ((high - low) * PACES[round % PACES.length]);
    return place < RUN ? [SHOW[round % SHOW.length], pace] : [null, 0];
  }
  /** One frame on. */
  self.step = (patience) => {
    const key = [...held].at(-1);
    let next = [null, 0];
    if (key !== undefined) next = [key, KEY_SPEED];
    else if (tapped > 0) next = [self.heading, KEY_SPEED];
    else if (self.goal) next = towards(self.goal);
    else if (self.demo && still >= patience) next = shown();
    tapped -= 1;
    still = held.size || self.goal || tapped > 0 ? 0 : still + 1;
    [self.heading, self.speed] = next;
    if (self.heading !== null) {
      self.x += HEADINGS[self.heading][0] * self.speed;
      self.y += HEADINGS[self.heading][1] * self.speed;
    }
    return self.heading;
  };
  self.press = (k) => {
    if (held.has(k)) return;
    held.add(k);
    [self.heading, tapped, self.goal] = [k, least, null];
  };
  self.release = (k) => (k === undefined ? held.clear() : held.delete(k));
  self.touched = () => (still = 0);
  self.showNow = () => (still = Infinity);
  /** Whether somebody, or the demonstration, may still move it. */
  self.awake = () => Boolean(held.size || self.goal || tapped > 0 || self.demo);
  return self;
}
