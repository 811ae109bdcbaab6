import { build } from './build.ts'
import { data } from './data.ts'
import { frame } from './frame.ts'
import { monitors } from './monitors.ts'
import { ship } from './ship.ts'
import { states } from './states.ts'
import { watch } from './watch.ts'

/** Every text of the UI, English and Japanese side by side, in ICU MessageFormat. */
export const messages = { ...frame, ...states, ...data, ...build, ...ship, ...watch, ...monitors } as const

export type MessageKey = keyof typeof messages
