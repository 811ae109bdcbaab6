import { randomInt } from 'node:crypto'

const FIRST =
  'able bold brisk calm clear clever crisp deft eager even fair fleet glad grand keen kind lively lucid mellow neat nimble plain proud quick quiet rapid ready sharp silent smooth solid spry steady stout subtle swift tidy vivid warm wise'.split(
    ' ',
  )
const SECOND =
  'ant bat bee bream carp colt crab crane crow deer dove duck elk finch fox frog goat goose gull hare hawk heron ibis jay kite koi lark lynx mole moth newt otter owl pike quail raven seal shrew smelt snail stork swan tern toad trout wren yak'.split(
    ' ',
  )

/** A name for a run that was given none: `lively-heron-412`. */
export function randomRunName(): string {
  return `${FIRST[randomInt(FIRST.length)]}-${SECOND[randomInt(SECOND.length)]}-${randomInt(1000)}`
}
