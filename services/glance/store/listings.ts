// SQL for lists of images: what the viewer may see, filtered, ordered, paged by key.
import { keysetPage, sql, type Page } from '@alto/kit/db'
import type { Image } from '../model/images.ts'
import type { Filter, Listing } from '../model/listing.ts'
import { withMaps } from './images.ts'
import type { Tables, Tx } from './tables.ts'

/** Who looks: an admin sees every project's images, others their own, the public ones and those shared with them. Others' community images come when they are asked for. */
export interface Viewer { admin: boolean, projectId: string | undefined }

const NEVER_NULL = ['id', 'status', 'created_at', 'updated_at']

/** A page of images; `marker` is the last image of the page before. */
export async function list(tx: Tx, viewer: Viewer, listing: Listing, marker: Image | undefined): Promise<Page<Image>> {
  if (listing.limit === 0) return { rows: [], more: false }
  let query = tx.selectFrom('images').selectAll().where('deleted_at', 'is', null)
  if (listing.visibility !== undefined && listing.visibility !== 'all') query = query.where('visibility', '=', listing.visibility)
  if (!viewer.admin) query = query.where(seenBy(viewer.projectId ?? '', listing))
  else if (listing.visibility === undefined) query = query.where(sql<boolean>`(visibility <> 'community' or owner = ${viewer.projectId ?? ''})`)
  for (const filter of listing.filters) query = query.where(matching(filter))
  const page = await keysetPage(query, { limit: listing.limit, sort: listing.sort.map(key => ({ ...key, notNull: NEVER_NULL.includes(key.column) })), after: marker && listing.sort.map(key => columnOf(marker, key.column)) })
  return { rows: await withMaps(tx, page.rows as Tables['images'][]), more: page.more }
}

function seenBy(project: string, { visibility, memberStatus }: Listing) {
  const status = memberStatus === 'all' ? sql`` : sql`and m.status = ${memberStatus}`
  const community = visibility === 'community' || visibility === 'all' ? sql`or visibility = 'community'` : sql``
  return sql<boolean>`(owner = ${project} or visibility = 'public' ${community}
    or (visibility = 'shared' and exists (select 1 from image_members m where m.image_id = images.id and m.member = ${project} ${status})))`
}

function matching(filter: Filter) {
  switch (filter.kind) {
    case 'text': return filter.anyOf.length === 0 ? sql<boolean>`1 = 0` : sql<boolean>`${sql.ref(filter.column)} in (${sql.join(filter.anyOf)})`
    case 'number': return sql<boolean>`${sql.ref(filter.column)} = ${large(filter.value)}`
    case 'flag': return sql<boolean>`${sql.ref(filter.column)} = ${filter.value ? 1 : 0}`
    case 'range': return sql<boolean>`(${sql.ref(filter.column)} >= ${large(filter.atLeast ?? Number.MIN_SAFE_INTEGER)} and ${sql.ref(filter.column)} <= ${large(filter.atMost ?? Number.MAX_SAFE_INTEGER)})`
    case 'tag': return sql<boolean>`exists (select 1 from image_tags t where t.image_id = images.id and t.tag = ${filter.tag})`
    case 'property': return sql<boolean>`exists (select 1 from image_properties p where p.image_id = images.id and p.name = ${filter.name} and p.value = ${filter.value})`
    case 'time': {
      const within = sql<boolean>`(${sql.ref(filter.column)} >= ${filter.from ?? Number.MIN_SAFE_INTEGER} and ${sql.ref(filter.column)} < ${filter.before ?? Number.MAX_SAFE_INTEGER})`
      return filter.except ? sql<boolean>`not ${within}` : within
    }
  }
}

/** A number that may be larger than its column's type holds. */
function large(value: number) {
  return sql<number>`cast(${value} as bigint)`
}

function columnOf(image: Image, column: string): string | number | null {
  const values: Record<string, string | number | null> = {
    id: image.id, name: image.name, status: image.status, container_format: image.containerFormat, disk_format: image.diskFormat, size: image.size, created_at: image.createdAt, updated_at: image.updatedAt,
  }
  return values[column] ?? null
}
