// A service's database on a PostgreSQL server: a schema of its own.
import { openPostgres, type Database } from '@alto/kit/db'
import { Fault, messageOf } from '@alto/kit/errors'

/** Where a service's rows are; `connections` at most, as many as kit/db says when not given. */
export interface ServiceDatabase { url: string, service: string, connections?: number }

/** Opens it. Throws Fault unavailable `site.database`, in words without the password that the URL may hold. */
export async function openServiceDatabase<Tables>({ url, service: schema, connections }: ServiceDatabase): Promise<Database<Tables>> {
  try {
    return await openPostgres<Tables>({ url, schema, ...(connections !== undefined && { connections }) })
  } catch (cause) {
    throw new Fault('unavailable', 'site.database', `The database of ${schema} cannot be used: ${messageOf(cause)}.`, { cause })
  }
}
