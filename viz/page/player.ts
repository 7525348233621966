/** The position in the run: `index` events have happened, and `fraction` of the next. */
export interface Player {
  readonly index: number;
  readonly isPlaying: boolean;
  readonly speed: number;
  play(): void;
  pause(): void;
  toggle(): void;
  /** Goes there at once. */
  seek(index: number): void;
  /** Goes there step by step, as an animation if it is the next one. */
  step(by: number): void;
  setSpeed(speed: number): void;
}

export interface PlayerEvents {
  readonly count: number;
  onMove(index: number, fraction: number): void;
  onChange(): void;
  /** Holds the run before event `index`; the page calls play() or step() again. */
  holds(index: number): boolean;
  /** How long event `index` takes at speed 1. */
  durationMs(index: number): number;
}

export const SPEEDS = [0.25, 0.5, 1, 2, 4, 8, 16, 64] as const;

export function makePlayer(events: PlayerEvents): Player {
  let index = -1;
  let fraction = 0;
  let isPlaying = false;
  let speed = 1;
  /** The event at which a single step ends; null while playing on. */
  let stopAt: number | null = null;
  let lastMs: number | null = null;
  let request = 0;

  const move = (): void => events.onMove(index, fraction);
  const stop = (): void => {
    isPlaying = false;
    stopAt = null;
    lastMs = null;
    cancelAnimationFrame(request);
    events.onChange();
  };
  const tick = (nowMs: number): void => {
    if (!isPlaying) return;
    let leftMs = lastMs === null ? 0 : (nowMs - lastMs) * speed;
    lastMs = nowMs;
    while (index + 1 < events.count) {
      const whole = events.durationMs(index + 1);
      const restMs = whole * (1 - fraction);
      if (leftMs < restMs) {
        fraction += leftMs / whole;
        break;
      }
      leftMs -= restMs;
      index++;
      fraction = 0;
      if (stopAt !== null && index >= stopAt) {
        stop();
        break;
      }
      if (events.holds(index + 1)) {
        stop();
        break;
      }
    }
    move();
    if (index + 1 >= events.count) stop();
    else if (isPlaying) request = requestAnimationFrame(tick);
  };
  const start = (end: number | null): void => {
    if (index + 1 >= events.count) return;
    cancelAnimationFrame(request);
    stopAt = end;
    isPlaying = true;
    lastMs = null;
    events.onChange();
    request = requestAnimationFrame(tick);
  };
  const seek = (to: number): void => {
    stop();
    index = Math.max(-1, Math.min(events.count - 1, to));
    fraction = 0;
    move();
    events.onChange();
  };
  return {
    get index() {
      return index;
    },
    get isPlaying() {
      return isPlaying;
    },
    get speed() {
      return speed;
    },
    play: () => start(null),
    pause: stop,
    toggle: () => (isPlaying ? stop() : start(null)),
    seek,
    step(by) {
      if (by === 1 && !matchMedia('(prefers-reduced-motion: reduce)').matches) start(index + 1);
      else seek(index + by);
    },
    setSpeed(to) {
      speed = to;
      events.onChange();
    },
  };
}
