import { Modal } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useId, useState, type FormEvent, type ReactNode } from 'react'
import type { AnswerOf } from '../../lib/api.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo } from '../../lib/project.tsx'
import { useChange } from '../../lib/queries.ts'
import { Failure } from '../../ui/panel.tsx'

type Pipeline = AnswerOf<'getPipeline'>
type Param = Pipeline['params'][number]

/** Parameters of a run, the button that starts it, and the same as a command. */
export function StartDialog({
  project,
  pipeline,
  opened,
  onClose,
}: {
  project: string
  pipeline: Pipeline
  opened: boolean
  onClose: () => void
}): ReactNode {
  const t = useT()
  const id = useId()
  const navigate = useNavigate()
  const start = useChange('startPipelineRun')
  const [values, setValues] = useState<Readonly<Record<string, string>>>({})
  const [noCache, setNoCache] = useState(false)
  const given = Object.entries(values).filter(([, value]) => value !== '')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const params = Object.fromEntries(
      given.map(([name, value]) => [
        name,
        parsed(
          value,
          pipeline.params.find((param) => param.name === name),
        ),
      ]),
    )
    start.mutate(
      { project, pipeline: pipeline.name, params, noCache },
      {
        onSuccess: (run) => {
          onClose()
          void navigate({ to: pathTo(project, 'pipelines', pipeline.name, 'runs', run.id) })
        },
      },
    )
  }
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t('pipeline.run_title', { name: pipeline.name })}
      size={520}
      transitionProps={{ duration: 0 }}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <form onSubmit={submit}>
        {pipeline.params.length === 0 && <p className="m t13">{t('pipeline.params_none')}</p>}
        {pipeline.params.map((param) => (
          <div key={param.name} className="fld">
            <label
              htmlFor={`${id}-${param.name}`}
            >{`${param.name} · ${param.type}${param.description === undefined ? '' : ` · ${param.description}`}`}</label>
            <input
              id={`${id}-${param.name}`}
              className="in"
              required={param.required}
              placeholder={
                param.default === undefined
                  ? ''
                  : typeof param.default === 'string'
                    ? param.default
                    : JSON.stringify(param.default)
              }
              value={values[param.name] ?? ''}
              onChange={(event) => setValues({ ...values, [param.name]: event.currentTarget.value })}
            />
          </div>
        ))}
        <label className="check t13">
          <input type="checkbox" checked={noCache} onChange={(event) => setNoCache(event.currentTarget.checked)} />
          {t('pipeline.no_cache')}
        </label>
        {start.error !== null && <Failure error={start.error} />}
        <p className="m t12 gap">{t('pipeline.command')}</p>
        <pre>{`kiban pipeline run ${pipeline.name}${given.map(([name, value]) => ` --param ${name}=${value}`).join('')}${noCache ? ' --no-cache' : ''}`}</pre>
        <div className="acts gap">
          <button type="button" className="btn" onClick={onClose}>
            {t('common.cancel')}
          </button>
          <button type="submit" className="btn p" disabled={start.isPending}>
            {t('pipeline.start')}
          </button>
        </div>
      </form>
    </Modal>
  )
}

/** A field's text as the value its parameter wants; the server says what is wrong with it. */
function parsed(value: string, param: Param | undefined): NonNullable<Param['default']> {
  if (param === undefined || ['string', 'date', 'datetime', 'duration', 'secret'].includes(param.type)) return value
  try {
    return JSON.parse(value) as NonNullable<Param['default']> // JSON in, Json out
  } catch {
    return value
  }
}
