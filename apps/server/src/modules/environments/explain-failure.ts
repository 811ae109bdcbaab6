import type { EnvironmentError } from '@kiban/contract/environments'

type Rule = { readonly pattern: RegExp; readonly cause: EnvironmentError['cause']; say(match: RegExpExecArray): string }

const RULES: readonly Rule[] = [
  {
    pattern: /No space left on device/,
    cause: 'start_failed',
    say: () => 'The disk is full. Free some space under KIBAN_HOME and build again.',
  },
  {
    pattern: /ensurepip is not available|No module named '?(?:ensurepip|venv)'?/,
    cause: 'start_failed',
    say: () => 'This Python has no venv module. Install it (Debian, Ubuntu: apt install python3-venv) and build again.',
  },
  {
    pattern: /(?:Hash mismatch for|hash(?:es)? .*mismatch|DO NOT MATCH THE HASHES)[^\n]*/i,
    cause: 'user_error',
    say: (match) =>
      `A package is not the one that was locked (${match[0].trim()}). Check where it comes from, or lock again.`,
  },
  {
    // Before "not found": without a network uv says both.
    pattern:
      /(?:dns error|failed to lookup address|Name or service not known|Temporary failure in name resolution|Connection refused|Network is unreachable|error sending request|Connection reset|timed out|NewConnectionError|ProxyError|CERTIFICATE_VERIFY_FAILED|invalid peer certificate)[^\n]*/i,
    cause: 'start_failed',
    say: (match) =>
      `The package index could not be reached (${match[0].trim().slice(0, 200)}). Check the network or proxy and build again.`,
  },
  {
    pattern: /Because ([\w.\-[\]]+) was not found in the (?:package registry|provided package locations)/,
    cause: 'user_error',
    say: (match) => `There is no package ${match[1]} in the index. Correct its name in the requirements.`,
  },
  {
    pattern: /there is no version of ([\w.\-[\]]+\s*[=<>!~][^\s,]*)/i,
    cause: 'user_error',
    say: (match) => `There is no version ${match[1]} in the index. Choose another in the requirements.`,
  },
  {
    pattern: /Could not find a version that satisfies the requirement (\S+)[^\n]*/,
    cause: 'user_error',
    say: (match) =>
      `There is no matching version for ${match[1]} in the index. Correct the name or choose another version in the requirements.`,
  },
  {
    pattern: /No solution found when resolving dependencies:?\s*([\s\S]{0,1500})/,
    cause: 'user_error',
    say: (match) => `The requirements contradict each other: ${oneLine(match[1] ?? '')}`,
  },
  {
    pattern: /Cannot install ([^\n]+) because these package versions have conflicting dependencies/,
    cause: 'user_error',
    say: (match) => `The requirements contradict each other: ${match[1]} can't be installed together.`,
  },
  {
    pattern: /Failed to (?:build|download and build) [`'"]?([^`'"\s]+)/,
    cause: 'user_error',
    say: (match) =>
      `The package ${match[1]} has no ready-made wheel for this Python and could not be built from source; the build log says what it lacks (often a compiler). Choose a version with a wheel.`,
  },
  {
    pattern: /Failed building wheel for (\S+)/,
    cause: 'user_error',
    say: (match) =>
      `The package ${match[1]} has no ready-made wheel for this Python and could not be built from source; the build log says what it lacks (often a compiler). Choose a version with a wheel.`,
  },
  {
    pattern: /(?:Couldn't parse requirement|Invalid requirement)[^\n]*/i,
    cause: 'user_error',
    say: (match) => `A line of the requirements is not understood: ${match[0].trim()}`,
  },
]

/** Why a build failed, from what uv or pip printed: one sentence with the remedy, and whose fault it is. */
export function explainFailure(log: string, exit: string): EnvironmentError {
  for (const rule of RULES) {
    const match = rule.pattern.exec(log)
    if (match) return { cause: rule.cause, message: rule.say(match) }
  }
  const last = log.trim().split('\n').slice(-3).join(' ')
  return { cause: 'user_error', message: `The build ended with ${exit}: ${oneLine(last) || 'the log is empty'}` }
}

function oneLine(text: string): string {
  return text
    .replaceAll(/\s*(?:cause:|╰─▶|├─▶)\s*/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .slice(0, 500)
}
