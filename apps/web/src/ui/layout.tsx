import { Link } from '@tanstack/react-router'
import { useId, type ReactNode } from 'react'

/** A page's head: what it is, its state with the reason, its facts in one muted line, its actions. */
export function PageHead({
  title,
  status,
  meta,
  actions,
  sub,
}: {
  title: string
  status?: ReactNode
  meta?: ReactNode
  actions?: ReactNode
  sub?: ReactNode
}): ReactNode {
  return (
    <div className="head">
      <div className="grow">
        <div className="ttl">
          <h1>{title}</h1>
          {status}
        </div>
        {meta !== undefined && <div className="meta">{meta}</div>}
        {sub}
      </div>
      {actions !== undefined && <div className="acts">{actions}</div>}
    </div>
  )
}

/** A section: a heading with its muted qualifier on the same line; nothing around it. */
export function Section({
  title,
  note,
  aside,
  children,
  className,
  first = false,
}: {
  title: ReactNode
  note?: ReactNode
  aside?: ReactNode
  children: ReactNode
  className?: string
  first?: boolean
}): ReactNode {
  const id = useId()
  return (
    <section className={`${first ? '' : 'sec '}${className ?? ''}`} aria-labelledby={id}>
      <div className="sh">
        <h2 id={id}>{title}</h2>
        {note !== undefined && <span className="m t12">{note}</span>}
        {aside !== undefined && <span className="r t13">{aside}</span>}
      </div>
      {children}
    </section>
  )
}

export type TabItem = { readonly id: string; readonly label: string; readonly count?: number | undefined }

/** Tabs whose choice is part of the address (`?tab=`), so reload, share and Back keep it. */
export function Tabs({
  items,
  current,
  label,
}: {
  items: readonly TabItem[]
  current: string
  label: string
}): ReactNode {
  return (
    <nav className="tabs" aria-label={label}>
      {items.map((item) => (
        <Link
          key={item.id}
          to="."
          search={(was: Record<string, unknown>) => ({ ...was, tab: item.id })}
          aria-current={item.id === current ? 'page' : undefined}
          activeOptions={{ exact: true }}
          className="tab"
          replace
        >
          {item.label}
          {item.count !== undefined && item.count > 0 && ` ${item.count}`}
        </Link>
      ))}
    </nav>
  )
}

/** A choice of few, as one bordered strip of buttons. */
export function Segmented<T extends string>({
  options,
  value,
  onChange,
  label,
}: {
  options: readonly (readonly [T, string])[]
  value: T
  onChange: (value: T) => void
  label: string
}): ReactNode {
  return (
    <span className="seg" role="group" aria-label={label}>
      {options.map(([id, text]) => (
        <button key={id} type="button" aria-pressed={id === value} onClick={() => onChange(id)}>
          {text}
        </button>
      ))}
    </span>
  )
}

/** Names and values in two columns. */
export function KeyValues({ rows }: { rows: readonly (readonly [name: string, value: ReactNode])[] }): ReactNode {
  return (
    <dl className="kv">
      {rows.map(([name, value]) => (
        <div key={name} className="kvr">
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

/** One figure of a strip of figures. */
export type Figure = {
  readonly label: string
  readonly value: string
  readonly unit?: string | undefined
  readonly note?: string | undefined
}

/** The strip of figures under a head. */
export function Figures({ items }: { items: readonly Figure[] }): ReactNode {
  return (
    <dl className="kpi">
      {items.map((item) => (
        <div key={item.label}>
          <dt>{item.label}</dt>
          <dd>
            {item.value} {item.unit !== undefined && <small>{item.unit}</small>}{' '}
            {item.note !== undefined && <small>{item.note}</small>}
          </dd>
        </div>
      ))}
    </dl>
  )
}
