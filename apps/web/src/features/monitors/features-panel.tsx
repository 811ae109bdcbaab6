import { useState, type ReactNode } from 'react'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { useRead } from '../../lib/queries.ts'
import { Overlay } from '../../ui/charts/bars.tsx'
import { Sparkline, WeightBar } from '../../ui/charts/small.tsx'
import { Section } from '../../ui/layout.tsx'
import { Failure, Nothing, Panel, Skeleton } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { TableBox } from '../../ui/table-box.tsx'

const FEW = 8

/** Features ranked by importance × drift, none silenced; the chosen one's distributions overlaid on one axis. */
export function FeaturesPanel({
  project,
  monitor,
  window,
  aside,
}: {
  project: string
  monitor: string
  window: string
  aside: ReactNode
}): ReactNode {
  const t = useT()
  const format = useFormat()
  const [all, setAll] = useState(false)
  const [choice, setChoice] = useState<string | null>(null)
  const list = useRead('listMonitorFeatures', { project, monitor, window })
  if (list.error !== null && list.data === undefined)
    return <Failure error={list.error} onRetry={() => void list.refetch()} />
  if (list.data === undefined)
    return (
      <section className="sec">
        <Skeleton rows={8} />
      </section>
    )
  const { features, importanceSource } = list.data
  const weight = (it: (typeof features)[number]) =>
    (it.importance ?? 1) * ((it.value ?? 0) / Math.max(1e-12, it.limit ?? 1))
  // Where no importance is known (days), what is most over its limit comes first.
  const ranked = [...features].sort((a, b) =>
    a.importance === null || b.importance === null ? weight(b) - weight(a) : a.rank - b.rank,
  )
  const shown = all ? ranked : ranked.slice(0, FEW)
  const chosen = ranked.find((it) => it.feature === choice) ?? ranked[0]
  const most = Math.max(1e-12, ...ranked.map(weight))
  return (
    <div className="cols" style={{ gridTemplateColumns: 'minmax(0, 744fr) minmax(0, 400fr)', gap: 40 }}>
      <Section
        title={t('monitor.features')}
        note={t('monitor.features_note', { count: shown.length, all: ranked.length, source: importanceSource ?? '–' })}
        aside={
          ranked.length > FEW && (
            <button type="button" className="linkb" onClick={() => setAll(!all)}>
              {all ? t('monitor.few_features') : t('monitor.all_features', { count: ranked.length })}
            </button>
          )
        }
      >
        {ranked.length === 0 ? (
          <Nothing>{t('monitor.none_computed')}</Nothing>
        ) : (
          <TableBox>
            <table className="compact acts-rows" aria-label={t('monitor.features')}>
              <thead>
                <tr>
                  <th scope="col">{t('monitor.feature')}</th>
                  <th scope="col">{t('monitor.test')}</th>
                  <th scope="col" className="num">
                    {t('monitor.importance')}
                  </th>
                  <th scope="col" className="num">
                    {list.data.window?.label ?? t('common.value')}
                  </th>
                  <th scope="col" className="num">
                    {t('monitor.limit_head')}
                  </th>
                  <th scope="col">{t('monitor.history')}</th>
                  <th scope="col">{t('monitor.weight')}</th>
                  <th scope="col">{t('common.state')}</th>
                </tr>
              </thead>
              <tbody>
                {shown.map((it) => {
                  const over = it.status === 'warn' || it.status === 'fail'
                  return (
                    <tr
                      key={it.feature}
                      tabIndex={0}
                      data-selected={it.feature === chosen?.feature || undefined}
                      onClick={() => setChoice(it.feature)}
                      onKeyDown={(event) => event.key === 'Enter' && setChoice(it.feature)}
                      title={it.reason}
                    >
                      <th scope="row" className="b">
                        {it.feature}
                      </th>
                      <td className="m">{it.test}</td>
                      <td className="num">{format.number(it.importance)}</td>
                      <td className={over ? 'num warnc b' : 'num'}>{format.number(it.value)}</td>
                      <td className="num m">{format.number(it.limit)}</td>
                      <td>
                        <Sparkline
                          values={it.history.map((point) => point.value)}
                          limit={it.limit}
                          bad={over}
                          label={t('monitor.history_label', { feature: it.feature })}
                        />
                      </td>
                      <td>
                        <WeightBar
                          share={weight(it) / most}
                          width={72}
                          tone={over ? 'fw' : 'fr'}
                          label={t('monitor.weight_label', { value: format.number(weight(it)) })}
                        />
                      </td>
                      <td>
                        <Status state={it.status} />
                      </td>
                    </tr>
                  )
                })}
              </tbody>
            </table>
          </TableBox>
        )}
      </Section>
      <div>
        {chosen !== undefined && (
          <FeatureOverlay project={project} monitor={monitor} window={window} feature={chosen.feature} />
        )}
        {aside}
      </div>
    </div>
  )
}

function FeatureOverlay({
  project,
  monitor,
  window,
  feature,
}: {
  project: string
  monitor: string
  window: string
  feature: string
}): ReactNode {
  const t = useT()
  const format = useFormat()
  const one = useRead('getMonitorFeature', { project, monitor, feature, window }, { keep: true })
  return (
    <Section
      title={feature}
      note={one.data !== undefined && t('monitor.overlay_note', { window: one.data.window.label })}
    >
      <Panel of={one} rows={6}>
        {(data) => (
          <>
            {data.histogram.some((bar) => bar.current > 0 || bar.reference > 0) && (
              <Overlay
                sentence={t('monitor.overlay_sentence', { feature: data.feature, window: data.window.label })}
                names={{ reference: t('monitor.reference'), current: data.window.label }}
                height={168}
                bars={data.histogram.map((bar) => ({
                  label: bar.category ?? `${format.number(bar.from)} – ${format.number(bar.to)}`,
                  from: bar.from,
                  to: bar.to,
                  reference: bar.reference,
                  current: bar.current,
                }))}
              />
            )}
            <p className="t13">{data.reason}</p>
            <p className="m t12">
              {t('monitor.nulls', {
                current: format.percent(data.nullShare),
                reference: format.percent(data.referenceNullShare),
              })}
              {data.newCategories.length > 0 &&
                ` · ${t('monitor.new_categories', { names: data.newCategories.slice(0, 8).join(', ') })}`}
            </p>
          </>
        )}
      </Panel>
    </Section>
  )
}
