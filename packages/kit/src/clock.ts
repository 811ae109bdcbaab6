/** The time of the machine, in milliseconds since the epoch; tests hand in their own. */
export type Clock = { now(): number }

export const systemClock: Clock = { now: () => Date.now() }
