// /servers/{id}/remote-consoles and /os-console-auth-tokens; and what the URLs that they give lead to: /console, a page and a websocket.
import { answer, route, t, versioned, websocketTo, type AnyRoute } from '@alto/kit/http'
import type { ConsoleManager } from '../manager/consoles.ts'
import { invalid } from '../model/faults.ts'
import * as rules from '../policy/consoles.ts'
import { PAGE, SCRIPT, STYLE } from './console-page.ts'
import { atLeast, serverId } from './parts.ts'

const BEARER = { public: 'the token in the URL is the right to the console; it was given to whom the rule of remote consoles lets' }
const STATIC = { public: 'the page is the same for everybody and knows nothing' }
/** Nothing but the page's own, nobody frames it, and the URL with its token goes nowhere. */
const HEADERS = {
  'content-security-policy': "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff', 'cache-control': 'no-store',
}

function remoteConsole(minor: number) {
  const protocols = ['vnc', 'spice', 'rdp', 'serial', ...(minor >= 8 ? ['mks'] : [])]
  const types = ['novnc', 'xvpvnc', 'spice-html5', 'rdp-html5', 'serial', ...(minor >= 8 ? ['webmks'] : [])]
  return { since: [2, minor] as const, schema: t.object({ remote_console: t.object({ protocol: t.oneOf(...protocols), type: t.oneOf(...types) }) }) }
}

/** Routes of the API. */
export function consoleRoutes(consoles: ConsoleManager): AnyRoute[] {
  return [
    route({
      method: 'POST', path: '/v2.1/servers/{server_id}/remote-consoles', rule: rules.REMOTE, since: [2, 6], status: 200, summary: 'Create Console', params: serverId, body: versioned(remoteConsole(8), remoteConsole(6)),
      async handle({ ctx, params, body }) {
        const { protocol, type } = body.remote_console
        return { remote_console: { protocol, type, ...await consoles.create(ctx, params.server_id, protocol, type) } }
      },
    }),
    route({
      method: 'GET', path: '/v2.1/os-console-auth-tokens/{console_token}', rule: rules.AUTH_TOKENS, status: 200, summary: 'Show Console Connection Information', params: t.object({ console_token: t.id() }), secrets: ['console_token'],
      async handle({ ctx, params, version }) {
        const found = await consoles.show(ctx, params.console_token)
        if (!atLeast(version, 2, 31)) throw invalid('console.rdpOnly', 'The requested console type details are not accessible')
        return { console: { instance_uuid: found.serverId, host: found.host, port: 0, internal_access_path: null } }
      },
    }),
  ]
}

/** Routes of `/console`. */
export function consoleDoorRoutes(consoles: ConsoleManager): AnyRoute[] {
  const file = (path: string, type: string, content: string) => route({
    method: 'GET', path, rule: STATIC, status: 200, summary: 'The page of consoles', handle: async () => answer(content, { headers: { ...HEADERS, 'content-type': `${type}; charset=utf-8` } }),
  })
  return [
    file('/', 'text/html', PAGE), file('/console.js', 'text/javascript', SCRIPT), file('/console.css', 'text/css', STYLE),
    route({
      method: 'GET', path: '/', rule: BEARER, status: 101, summary: 'Open a console', websocket: { protocols: ['binary'] }, query: t.open({ token: t.string({ min: 1 }) }),
      async handle({ ctx, query }) {
        return websocketTo(await consoles.connect(ctx, query.token))
      },
    }),
  ]
}
