// /domains/{id}/config.
import { answer, route, t, type AnyRoute } from '@alto/kit/http'
import type { DomainConfigurationManager } from '../../manager/projects/domain-configuration.ts'
import * as rules from '../../policy/projects/domain-configuration.ts'
import { byId } from '../links.ts'

const body = t.open({ config: t.optional(t.anything()) })
const group = t.object({ id: t.id(), group: t.id() })
const option = t.object({ id: t.id(), group: t.id(), option: t.id() })

/** The routes of domains' configurations. */
export function domainConfigurationRoutes(configurations: DomainConfigurationManager): AnyRoute[] {
  return [
    route({
      method: 'PUT', path: '/v3/domains/{id}/config', rule: rules.CREATE_DOMAIN_CONFIG, status: 201, summary: 'Create domain configuration', params: byId, body,
      async handle({ ctx, params, body: asked }) {
        const { config, isNew } = await configurations.create(ctx, params.id, asked.config)
        return answer({ config }, { status: isNew ? 201 : 200 })
      },
    }),
    ...partRoutes(configurations, '', byId, 'domain configuration'),
    ...partRoutes(configurations, '/{group}', group, 'domain group configuration'),
    ...partRoutes(configurations, '/{group}/{option}', option, 'domain group option configuration'),
    ...complianceRoutes(configurations),
    route({
      method: 'GET', path: '/v3/domains/config/default', rule: rules.GET_DOMAIN_CONFIG_DEFAULT, status: 200, summary: 'Show default configuration settings',
      handle: async ({ ctx }) => ({ config: await configurations.showDefaults(ctx, {}) }),
    }),
    route({
      method: 'GET', path: '/v3/domains/config/{group}/default', rule: rules.GET_DOMAIN_CONFIG_DEFAULT, status: 200, summary: 'Show default configuration for a group', params: t.object({ group: t.id() }),
      handle: async ({ ctx, params }) => ({ config: await configurations.showDefaults(ctx, params) }),
    }),
    route({
      method: 'GET', path: '/v3/domains/config/{group}/{option}/default', rule: rules.GET_DOMAIN_CONFIG_DEFAULT, status: 200, summary: 'Show default option for a group', params: t.object({ group: t.id(), option: t.id() }),
      handle: async ({ ctx, params }) => ({ config: await configurations.showDefaults(ctx, params) }),
    }),
  ]
}

/** Showing, changing and removing all of a configuration, a group of it, or an option. */
function partRoutes(configurations: DomainConfigurationManager, below: string, params: typeof byId | typeof group | typeof option, what: string): AnyRoute[] {
  const path = `/v3/domains/{id}/config${below}`
  return [
    route({
      method: 'GET', path, rule: rules.GET_DOMAIN_CONFIG, status: 200, summary: `Show ${what}`, params,
      handle: async ({ ctx, params: { id, ...part } }) => ({ config: await configurations.show(ctx, id, part) }),
    }),
    ...changingRoutes(configurations, path, params, ({ id, ...part }) => ({ id, part }), what),
  ]
}

/** The group that everybody may read; to change or remove it is refused as a group that nobody knows is. */
function complianceRoutes(configurations: DomainConfigurationManager): AnyRoute[] {
  const path = '/v3/domains/{id}/config/security_compliance'
  const one = t.object({ id: t.id(), option: t.id() })
  const part = { group: 'security_compliance' }
  return [
    route({
      method: 'GET', path, rule: rules.GET_SECURITY_COMPLIANCE_DOMAIN_CONFIG, status: 200, summary: 'Show the rules for passwords', params: byId,
      handle: async ({ ctx, params }) => ({ config: await configurations.showCompliance(ctx, params.id) }),
    }),
    route({
      method: 'GET', path: `${path}/{option}`, rule: rules.GET_SECURITY_COMPLIANCE_DOMAIN_CONFIG, status: 200, summary: 'Show a rule for passwords', params: one,
      handle: async ({ ctx, params }) => ({ config: await configurations.showCompliance(ctx, params.id, params.option) }),
    }),
    ...changingRoutes(configurations, path, byId, ({ id }) => ({ id, part }), 'the rules for passwords'),
    ...changingRoutes(configurations, `${path}/{option}`, one, ({ id, ...rest }) => ({ id, part: { ...part, ...rest } }), 'a rule for passwords'),
  ]
}

type Params = { id: string, group?: string, option?: string }

function changingRoutes(configurations: DomainConfigurationManager, path: string, params: typeof byId, of: (params: Params) => { id: string, part: Omit<Params, 'id'> }, what: string): AnyRoute[] {
  return [
    route({
      method: 'PATCH', path, rule: rules.UPDATE_DOMAIN_CONFIG, status: 200, summary: `Update ${what}`, params, body,
      handle: async ({ ctx, params: given, body: asked }) => {
        const { id, part } = of(given)
        return { config: await configurations.update(ctx, id, asked.config, part) }
      },
    }),
    route({
      method: 'DELETE', path, rule: rules.DELETE_DOMAIN_CONFIG, status: 204, summary: `Delete ${what}`, params,
      handle: async ({ ctx, params: given }) => {
        const { id, part } = of(given)
        await configurations.remove(ctx, id, part)
      },
    }),
  ]
}
