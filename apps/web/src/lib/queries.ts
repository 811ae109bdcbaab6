import {
  keepPreviousData,
  QueryClient,
  useMutation,
  useQuery,
  useQueryClient,
  type UseMutationResult,
  type UseQueryResult,
} from '@tanstack/react-query'
import { ApiError, call, type AnswerOf, type EndpointName, type InputOf } from './api.ts'

/** One cache for the page. Failures of the caller (4xx) are not tried again. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      refetchOnWindowFocus: true,
      retry: (count, error) => !(error instanceof ApiError && error.status >= 400 && error.status < 500) && count < 2,
    },
  },
})

type ReadOptions = { readonly enabled?: boolean; readonly refetchMs?: number | false; readonly keep?: boolean }

/** Reads an endpoint and keeps it fresh: events of the server invalidate it by name (see events.ts). */
export function useRead<N extends EndpointName>(
  name: N,
  input: InputOf<N>,
  options: ReadOptions = {},
): UseQueryResult<AnswerOf<N>, Error> {
  const result = useQuery<AnswerOf<N>, Error>({
    queryKey: [name, input],
    queryFn: ({ signal }) => call(name, input, signal),
    enabled: options.enabled ?? true,
    refetchInterval: options.refetchMs ?? false,
    ...(options.keep === true ? { placeholderData: keepPreviousData as never } : {}), // a generic answer cannot be told from a function
  })
  return result as UseQueryResult<AnswerOf<N>, Error> // the same type; the compiler does not see through the generic
}

/** Calls a changing endpoint, then asks anew for everything on the page. */
export function useChange<N extends EndpointName>(name: N): UseMutationResult<AnswerOf<N>, Error, InputOf<N>> {
  const client = useQueryClient()
  return useMutation<AnswerOf<N>, Error, InputOf<N>>({
    mutationFn: (input) => call(name, input),
    onSettled: () => client.invalidateQueries(),
  })
}
