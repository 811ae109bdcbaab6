/**
 * The random numbers behind every resampling result, so that evidence can be computed again bit for bit on any machine:
 * xoshiro256** (Blackman & Vigna, 2018), its state filled by SplitMix64 from one seed.
 */
export type Random = {
  /** The next 64 bits as [high, low] unsigned 32-bit halves. */
  readonly next64: () => readonly [number, number]
  /** Uniform in [0, 1): the upper 53 bits. */
  readonly uniform: () => number
  /** Uniform integer in [0, bound): floor(uniform · bound). */
  readonly below: (bound: number) => number
}

/** First `count` outputs of SplitMix64. */
export function splitMix64(seed: bigint, count: number): bigint[] {
  const outputs: bigint[] = []
  let state = BigInt.asUintN(64, seed)
  for (let i = 0; i < count; i++) {
    state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n)
    let z = state
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n)
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn)
    outputs.push(z ^ (z >> 31n))
  }
  return outputs
}

/** xoshiro256** seeded by SplitMix64. `seed` is a safe integer. */
export function seededRandom(seed: number): Random {
  return xoshiro256(splitMix64(BigInt(Math.trunc(seed)), 4))
}

/** xoshiro256** from four 64-bit words. Halves are kept apart because BigInt arithmetic is 30 times slower. */
export function xoshiro256(words: readonly bigint[]): Random {
  const state = new Uint32Array(8)
  words.slice(0, 4).forEach((word, i) => {
    state[2 * i] = Number(word >> 32n)
    state[2 * i + 1] = Number(word & 0xffffffffn)
  })
  const at = (i: number): number => state[i] as number // the array has 8 elements

  const next64 = (): readonly [number, number] => {
    const s1Hi = at(2)
    const s1Lo = at(3)
    // result = rotl(s1 * 5, 7) * 9
    const lo5 = s1Lo * 5
    const mul5Lo = lo5 >>> 0
    const mul5Hi = (s1Hi * 5 + Math.floor(lo5 / 4294967296)) >>> 0
    const rotHi = ((mul5Hi << 7) | (mul5Lo >>> 25)) >>> 0
    const rotLo = ((mul5Lo << 7) | (mul5Hi >>> 25)) >>> 0
    const lo9 = rotLo * 9
    const resultLo = lo9 >>> 0
    const resultHi = (rotHi * 9 + Math.floor(lo9 / 4294967296)) >>> 0
    // t = s1 << 17
    const tHi = ((s1Hi << 17) | (s1Lo >>> 15)) >>> 0
    const tLo = (s1Lo << 17) >>> 0
    state[4] = at(4) ^ at(0)
    state[5] = at(5) ^ at(1)
    state[6] = at(6) ^ at(2)
    state[7] = at(7) ^ at(3)
    state[2] = at(2) ^ at(4)
    state[3] = at(3) ^ at(5)
    state[0] = at(0) ^ at(6)
    state[1] = at(1) ^ at(7)
    state[4] = at(4) ^ tHi
    state[5] = at(5) ^ tLo
    // s3 = rotl(s3, 45): swap the halves (32), then 13 more
    const hi = at(7)
    const lo = at(6)
    state[6] = (hi << 13) | (lo >>> 19)
    state[7] = (lo << 13) | (hi >>> 19)
    return [resultHi, resultLo]
  }
  const uniform = (): number => {
    const [hi, lo] = next64()
    return ((hi >>> 0) * 2097152 + (lo >>> 11)) / 9007199254740992
  }
  return { next64, uniform, below: (bound) => Math.floor(uniform() * bound) }
}
