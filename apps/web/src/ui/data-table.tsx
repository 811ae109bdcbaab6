import {
  createSortedRowModel,
  rowSortingFeature,
  sortFn_alphanumeric,
  sortFn_basic,
  tableFeatures,
  useTable,
  type ColumnDef,
  type SortingState,
} from '@tanstack/react-table'
import { useNavigate } from '@tanstack/react-router'
import { useMemo, useState, type KeyboardEvent, type ReactNode } from 'react'
import { TableBox } from './table-box.tsx'

const features = tableFeatures({
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
  sortFns: { basic: sortFn_basic, alphanumeric: sortFn_alphanumeric },
})

/** One column: what it shows, and by what it sorts (absent: it does not). */
export type Column<T> = {
  readonly id: string
  readonly header: string
  readonly cell: (row: T) => ReactNode
  readonly sort?: (row: T) => string | number | null
  readonly num?: boolean
  /** The row's name: a row header for screen readers. */
  readonly head?: boolean
  readonly width?: number | string
  readonly className?: string
}

type DataTableProps<T> = {
  readonly label: string
  readonly columns: readonly Column<T>[]
  readonly rows: readonly T[]
  readonly rowKey: (row: T) => string
  /** Where Enter and a click on the row lead. */
  readonly rowTo?: (row: T) => string
  readonly selected?: string | null
  readonly onSelect?: (row: T) => void
  readonly compact?: boolean
  readonly wrap?: boolean
  readonly initialSort?: { readonly id: string; readonly desc: boolean }
}

/** The table of every list: sortable heads, 36 px rows (28 when compact), j and k to move, Enter to open. */
export function DataTable<T extends object>(props: DataTableProps<T>): ReactNode {
  const { columns, rows, rowKey, rowTo, onSelect } = props
  const navigate = useNavigate()
  const [sorting, setSorting] = useState<SortingState>(props.initialSort === undefined ? [] : [props.initialSort])
  const definitions = useMemo(
    () =>
      columns.map((column): ColumnDef<typeof features, T> => {
        const sort = column.sort
        return {
          id: column.id,
          header: column.header,
          accessorFn: (row: T) => sort?.(row) ?? undefined,
          enableSorting: sort !== undefined,
          sortFn: 'basic',
          sortUndefined: 'last',
        }
      }),
    [columns],
  )
  const data = useMemo(() => [...rows], [rows])
  const table = useTable({
    features,
    columns: definitions,
    data,
    state: { sorting },
    onSortingChange: setSorting,
    getRowId: (row: T) => rowKey(row),
  })
  const onKey = (event: KeyboardEvent<HTMLTableSectionElement>) => {
    const row = event.target instanceof HTMLTableRowElement ? event.target : null
    if (row === null) return
    const next =
      event.key === 'j' || event.key === 'ArrowDown'
        ? row.nextElementSibling
        : event.key === 'k' || event.key === 'ArrowUp'
          ? row.previousElementSibling
          : null
    if (next instanceof HTMLElement) {
      event.preventDefault()
      next.focus()
    }
    if (event.key === 'Enter') row.click()
  }
  const acts = rowTo !== undefined || onSelect !== undefined
  return (
    <TableBox>
      <table
        className={`${props.compact === true ? 'compact' : ''} ${props.wrap === true ? 'wrap' : ''} ${acts ? 'acts-rows' : ''}`}
        aria-label={props.label}
      >
        <thead>
          <tr>
            {columns.map((column) => {
              const state = table.getColumn(column.id)?.getIsSorted() ?? false
              return (
                <th
                  key={column.id}
                  scope="col"
                  className={column.num === true ? 'num' : undefined}
                  style={column.width === undefined ? undefined : { width: column.width }}
                  aria-sort={state === false ? undefined : state === 'asc' ? 'ascending' : 'descending'}
                >
                  {column.sort === undefined ? (
                    column.header
                  ) : (
                    <button
                      type="button"
                      className={state === false ? 'sortb' : 'sortb sort'}
                      onClick={() => table.getColumn(column.id)?.toggleSorting()}
                    >
                      {column.header}
                      <span aria-hidden="true">{state === 'asc' ? ' ↑' : state === 'desc' ? ' ↓' : ''}</span>
                    </button>
                  )}
                </th>
              )
            })}
          </tr>
        </thead>
        {/* Keys move the focus between rows, which are focusable themselves. */}
        {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions */}
        <tbody onKeyDown={onKey}>
          {table.getRowModel().rows.map((line) => {
            const row = line.original
            const open = () => {
              if (onSelect !== undefined) onSelect(row)
              else if (rowTo !== undefined) void navigate({ to: rowTo(row) })
            }
            return (
              <tr
                key={line.id}
                tabIndex={acts ? 0 : undefined}
                data-selected={props.selected === line.id || undefined}
                onClick={acts ? (event) => isPlain(event.target) && open() : undefined}
              >
                {columns.map((column) => {
                  const className =
                    [column.num === true ? 'num' : '', column.className ?? ''].join(' ').trim() || undefined
                  return column.head === true ? (
                    <th key={column.id} scope="row" className={className}>
                      {column.cell(row)}
                    </th>
                  ) : (
                    <td key={column.id} className={className}>
                      {column.cell(row)}
                    </td>
                  )
                })}
              </tr>
            )
          })}
        </tbody>
      </table>
    </TableBox>
  )
}

/** A click on a link, button or field of the row is that thing's own. */
function isPlain(target: EventTarget): boolean {
  return (
    target instanceof Element &&
    target.closest('a, button, input, label') === null &&
    (globalThis.getSelection()?.isCollapsed ?? true)
  )
}
