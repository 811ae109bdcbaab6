import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { ExpressionError } from './expression.ts'
import { rewriteScript } from './shell.ts'

describe('expressions in a run script', () => {
  it.each([
    ['python a.py ${{ inputs.x }} --n ${{ params.n }}', 'python a.py "${KIBAN_E0}" --n "${KIBAN_E1}"'],
    ['echo "a ${{ params.x }} b" > ${{ outputs.o }}', 'echo "a ${KIBAN_E0} b" > "${KIBAN_E1}"'],
    ['X=${{ params.x }} python a.py', 'X="${KIBAN_E0}" python a.py'],
    [
      'if [ ${{ params.x }} = 1 ]; then echo ${{ params.y }}; fi',
      'if [ "${KIBAN_E0}" = 1 ]; then echo "${KIBAN_E1}"; fi',
    ],
    ['echo $(cat ${{ inputs.x }} | wc -l)', 'echo $(cat "${KIBAN_E0}" | wc -l)'],
    ["python - <<'E'\nprint('hi')\nE\necho ${{ params.x }}", "python - <<'E'\nprint('hi')\nE\necho \"${KIBAN_E0}\""],
    ['python a.py --x=${{ params.x }}', 'python a.py --x="${KIBAN_E0}"'],
    ['echo $((1 + 2)) ${{ params.x }}', 'echo $((1 + 2)) "${KIBAN_E0}"'],
    ['echo a # no expression\necho ${{ params.x }}', 'echo a # no expression\necho "${KIBAN_E0}"'],
  ])('%j becomes %j', (text, script) => expect(rewriteScript(text).script).toBe(script))

  it.each([
    "echo '${{ params.x }}'",
    'echo `ls ${{ params.x }}`',
    'cat <<E\n${{ params.x }}\nE',
    'echo ${X:-${{ params.x }}}',
    '(( ${{ params.x }} ))',
    'echo $(( 1 + ${{ params.x }} ))',
    '[[ ${{ params.x }} -eq 1 ]]',
    '${{ params.x }} a',
    'true; ${{ params.x }}',
    'true && ${{ params.x }}',
    'if ${{ params.x }}; then true; fi',
    'f() { ${{ params.x }}; }',
    '$(${{ params.x }})',
    'eval ${{ params.x }}',
    'declare a=${{ params.x }}',
    'read ${{ params.x }}',
    'bash -c "echo ${{ params.x }}"',
    'bash -ec ${{ params.x }}',
    'sudo -u bob bash -c ${{ params.x }}',
    'python3 -c "print(${{ params.x }})"',
    'exec ${{ params.x }}',
    'env A=1 ${{ params.x }}',
    'ssh host "ls ${{ params.x }}"',
    'awk ${{ params.x }}',
    'echo \\${{ params.x }}',
  ])('%j is refused', (text) => {
    let code = 'not refused'
    try {
      rewriteScript(text)
    } catch (error) {
      if (error instanceof ExpressionError) code = error.code
    }
    expect(code).toBe('unsafe_expression')
  })

  it('gives hostile values to the command as they are', () => {
    const { script } = rewriteScript('printf "%s|" ${{ params.x }} a${{ params.x }}b "${{ params.x }}"')
    const hostile = `'; touch /tmp/never; echo "$(id)" \`id\` \${HOME} \\ * \n x`
    const out = execFileSync('bash', ['-eo', 'pipefail', '-c', script], {
      env: { PATH: process.env['PATH'] ?? '', KIBAN_E0: hostile, KIBAN_E1: hostile, KIBAN_E2: hostile },
    })
    expect(out.toString()).toBe(`${hostile}|a${hostile}b|${hostile}|`)
  })
})
