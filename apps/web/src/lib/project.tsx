import { useParams, useRouterState } from '@tanstack/react-router'
import { createContext, use, useEffect, useState, type ReactNode } from 'react'
import type { AnswerOf } from './api.ts'

export type Project = AnswerOf<'getProject'>

/** The project of the address. */
export function useProject(): string {
  const params: { project?: string } = useParams({ strict: false })
  return params.project ?? ''
}

/** A parameter of the address by its name. */
export function useAddress(name: string): string {
  const params: Record<string, string | undefined> = useParams({ strict: false })
  return params[name] ?? ''
}

/** The search part of the address, as text values. */
export function useSearchPart(): Readonly<Record<string, string | undefined>> {
  return useRouterState({ select: (state) => state.location.search as Record<string, string | undefined> })
}

/** The path of a page of a project. */
export function pathTo(project: string, ...parts: readonly (string | number)[]): string {
  return ['/p', project, ...parts.map((part) => encodeURIComponent(String(part)))].join('/')
}

type Crumb = { readonly label: string | null; readonly set: (label: string | null) => void }
const CrumbContext = createContext<Crumb>({ label: null, set: () => undefined })

/** Lets a page name the last crumb and the window (a run is known by its name, its address has the id). */
export function CrumbProvider({ children }: { children: ReactNode }): ReactNode {
  const [label, set] = useState<string | null>(null)
  return <CrumbContext value={{ label, set }}>{children}</CrumbContext>
}

/** The name that the page gave itself. */
export function useCrumbLabel(): string | null {
  return use(CrumbContext).label
}

/** Names the page: the last crumb and the window's title. */
export function useTitle(label: string | undefined): void {
  const { set } = use(CrumbContext)
  const project = useProject()
  useEffect(() => {
    if (label === undefined) return undefined
    set(label)
    document.title = `${label} · ${project === '' ? '' : `${project} · `}Kiban`
    return () => set(null)
  }, [label, project, set])
}
