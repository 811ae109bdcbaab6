import { Link } from '@tanstack/react-router'
import { useId, useState, type FormEvent, type ReactNode } from 'react'
import { ApiError } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { Copy } from '../../ui/copy.tsx'
import { Section } from '../../ui/layout.tsx'
import { Failure, Nothing } from '../../ui/panel.tsx'
import type { EndpointDetail } from './endpoint-page.tsx'

type Cell = string | number | boolean | null
type Answer = { readonly version: string; readonly ms: number; readonly prediction: Readonly<Record<string, unknown>> }
const FEW = 6

/** A console made from the signature, filled with a row that works; the answer with version and latency; the same as code. */
export function TryIt({ project, endpoint }: { project: string; endpoint: EndpointDetail }): ReactNode {
  const t = useT()
  const format = useFormat()
  const id = useId()
  const [changed, setChanged] = useState<Readonly<Record<string, string>>>({})
  const [all, setAll] = useState(false)
  const [answer, setAnswer] = useState<Answer | null>(null)
  const [error, setError] = useState<Error | null>(null)
  const [busy, setBusy] = useState(false)
  const { signature, example } = endpoint
  if (signature === null || example === null)
    return (
      <Section title={t('endpoint.try')}>
        <Nothing>{t('endpoint.not_ready')}</Nothing>
      </Section>
    )
  const names = Object.keys(example.row)
  const types = new Map(signature.inputs.map((input) => [input.name, input.datatype]))
  const row = Object.fromEntries(
    names.map((name) => [
      name,
      changed[name] === undefined
        ? (example.row[name] as Cell)
        : cellOf(changed[name], types.get(name) ?? (typeof example.row[name] === 'number' ? 'FP64' : 'BYTES')),
    ]),
  ) // a row of the signature holds scalars
  const send = async (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    setError(null)
    try {
      setAnswer(await ask(endpoint.urls.rows, row))
    } catch (caught) {
      setAnswer(null)
      setError(caught instanceof Error ? caught : new Error(String(caught)))
    } finally {
      setBusy(false)
    }
  }
  const score = answer === null ? null : headline(answer.prediction)
  const predictionId = typeof answer?.prediction['id'] === 'string' ? answer.prediction['id'] : null
  return (
    <>
      <Section title={t('endpoint.try')} note={t('endpoint.try_note', { count: names.length })}>
        <form onSubmit={(event) => void send(event)}>
          <div className="frm">
            {(all ? names : names.slice(0, FEW)).map((name) => (
              <div key={name} className="fld">
                <label htmlFor={`${id}-${name}`} title={types.get(name)}>
                  {name}
                </label>
                <input
                  id={`${id}-${name}`}
                  className="in"
                  value={changed[name] ?? textOf(example.row[name])}
                  onChange={(event) => setChanged({ ...changed, [name]: event.currentTarget.value })}
                />
              </div>
            ))}
          </div>
          {names.length > FEW && (
            <button type="button" className="linkb t12 clip1" onClick={() => setAll(!all)}>
              {all
                ? t('endpoint.fewer_inputs')
                : t('endpoint.more_inputs', { count: names.length - FEW, names: names.slice(FEW).join(', ') })}
            </button>
          )}
          <p className="gap">
            <button type="submit" className="btn p" disabled={busy}>
              {t('endpoint.send')}
            </button>
          </p>
        </form>
        <div aria-live="polite">
          {error !== null && <Failure error={error} />}
          {answer !== null && (
            <div className="res">
              <span className="huge">
                {score === null
                  ? '–'
                  : typeof score.value === 'number'
                    ? format.number(score.value)
                    : String(score.value)}
              </span>
              <span>
                {score !== null && <span className="block">{score.name}</span>}
                <span className="m t13">
                  {t('endpoint.answered', { version: `v${answer.version}`, latency: format.latency(answer.ms) })}
                  {predictionId !== null && (
                    <>
                      {', '}
                      <Link to={pathTo(project, 'predictions', predictionId)}>
                        {t('endpoint.prediction_link', { id: predictionId.slice(-8) })}
                      </Link>
                    </>
                  )}
                </span>
              </span>
            </div>
          )}
        </div>
      </Section>
      <Snippets project={project} endpoint={endpoint.name} row={row} example={example.row} />
    </>
  )
}

/** The server's own snippets, with the values on the screen in place of the example's. */
function Snippets({
  project,
  endpoint,
  row,
  example,
}: {
  project: string
  endpoint: string
  row: Readonly<Record<string, Cell>>
  example: Readonly<Record<string, unknown>>
}): ReactNode {
  const t = useT()
  const list = useRead('listEndpointSnippets', { project, endpoint })
  const [at, setAt] = useState(0)
  const items = list.data?.items ?? []
  const chosen = items[at] ?? items[0]
  if (chosen === undefined) return null
  const code = chosen.code.replaceAll(JSON.stringify(example), JSON.stringify(row))
  return (
    <Section
      title={t('endpoint.snippets')}
      aside={
        <span className="cursorbar">
          <select
            className="in auto"
            aria-label={t('endpoint.language')}
            value={at}
            onChange={(event) => setAt(Number(event.currentTarget.value))}
          >
            {items.map((item, index) => (
              <option key={item.title} value={index}>
                {item.title}
              </option>
            ))}
          </select>
          <Copy text={code} />
        </span>
      }
    >
      <pre tabIndex={0}>{code}</pre>
    </Section>
  )
}

async function ask(address: string, row: Readonly<Record<string, Cell>>): Promise<Answer> {
  // Through this page's own origin: the policy allows no other, and the server forwards it to the data plane.
  const url = new URL(new URL(address, document.baseURI).pathname.replace(/^\//, ''), document.baseURI)
  const from = performance.now()
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ rows: [row] }),
  })
  const ms = performance.now() - from
  const body = (await response.json()) as {
    error?: string
    model_version?: string
    predictions?: Record<string, unknown>[]
  }
  if (!response.ok)
    throw new ApiError({
      status: response.status,
      code: `http_${response.status}`,
      message: body.error ?? response.statusText,
    })
  return { version: body.model_version ?? '?', ms, prediction: body.predictions?.[0] ?? {} }
}

/** The number a person looks for: a probability before a label. */
function headline(prediction: Readonly<Record<string, unknown>>): { name: string; value: unknown } | null {
  const entries = Object.entries(prediction).filter(([name]) => name !== 'id')
  const found = entries.find(([name]) => /prob|score/i.test(name)) ?? entries[0]
  if (found === undefined) return null
  const [name, value] = found
  if (Array.isArray(value)) return { name, value: value.at(-1) }
  return { name, value }
}

function cellOf(text: string, type: string): Cell {
  if (text.trim() === '' || text.trim() === 'null') return null
  if (type === 'BOOL') return text === 'true'
  return type === 'BYTES' || !Number.isFinite(Number(text)) ? text : Number(text)
}

function textOf(value: unknown): string {
  return value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value)
}
