// Keystone's unified limits, as a service asks how much a project may have. API reference: Identity v3, "Unified limits".
import type { Clock } from '../../clock/index.ts'
import type { RestClient } from '../rest.ts'

/** What a project may have of each resource, by name; -1 is any number. A resource that is not registered is not in it: nobody may have any. */
export type ProjectLimits = ReadonlyMap<string, number>

export interface LimitClient {
  /** Throws what the calls throw. */
  of(projectId: string): Promise<ProjectLimits>
}

/** What is asked and for how long an answer holds. `type`: of the service whose resources they are, as the catalog has it. */
interface LimitClientOptions { type: string, clock: Clock, keepMs?: number }

/** How many projects' answers are kept. */
const KEPT = 1000

/** A client of Keystone for one service's limits. A limit that changes holds within `keepMs`, 5 s when not given. */
export function limitClient(rest: RestClient, { type, clock, keepMs = 5000 }: LimitClientOptions): LimitClient {
  const answers = new Map<string, { until: number, limits: Promise<ProjectLimits> }>()
  const get = async <Body>(path: string) => (await rest.call({ as: 'service', method: 'GET', path })).body as Body

  async function asked(projectId: string): Promise<ProjectLimits> {
    const { services } = await get<{ services: { id: string }[] }>(`/v3/services?type=${encodeURIComponent(type)}`)
    const [service] = services
    if (!service) return new Map()
    const query = `service_id=${encodeURIComponent(service.id)}`
    const { registered_limits: registered } = await get<{ registered_limits: { resource_name: string, default_limit: number }[] }>(`/v3/registered_limits?${query}`)
    const { limits } = await get<{ limits: { resource_name: string, resource_limit: number, project_id: string | null }[] }>(`/v3/limits?${query}&project_id=${encodeURIComponent(projectId)}`)
    const own = limits.filter(limit => limit.project_id === projectId)
    return new Map([...registered.map(limit => [limit.resource_name, limit.default_limit] as const), ...own.map(limit => [limit.resource_name, limit.resource_limit] as const)])
  }

  return {
    of(projectId) {
      const known = answers.get(projectId)
      if (known && known.until > clock.now()) return known.limits
      const limits = asked(projectId)
      limits.catch(() => answers.delete(projectId))
      answers.delete(projectId)
      answers.set(projectId, { until: clock.now() + keepMs, limits })
      const [oldest] = answers.keys()
      if (answers.size > KEPT && oldest !== undefined) answers.delete(oldest)
      return limits
    },
  }
}
