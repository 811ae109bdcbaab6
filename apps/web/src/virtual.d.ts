declare module 'virtual:kiban-routes' {
  const routes: Readonly<Record<string, readonly [method: string, path: string, queryKeys?: readonly string[]]>>
  export default routes
}
