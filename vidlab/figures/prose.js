// Running text in a card.
import { h } from "./kit.js";

/** Words in which `backticks` mark code. */
export const prose = (text) => text.split("`").map((part, k) => (k % 2 ? h("code", {}, part) : part));
