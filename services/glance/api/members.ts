// /v2/images/{image_id}/members.
import { route, t, type AnyRoute } from '@alto/kit/http'
import type { MemberManager } from '../manager/members.ts'
import { isoTime } from '../model/images.ts'
import { readMember, readStatus, type Member } from '../model/members.ts'
import * as rules from '../policy/members.ts'

const byId = t.object({ image_id: t.id() })
const byMember = t.object({ image_id: t.id(), member_id: t.id() })

/** The routes of members. */
export function memberRoutes(members: MemberManager): AnyRoute[] {
  return [
    route({
      method: 'POST', path: '/v2/images/{image_id}/members', rule: rules.ADD_MEMBER, status: 200, summary: 'Create image member', params: byId,
      body: t.anything(),
      handle: async ({ ctx, params, body }) => view(await members.create(ctx, params.image_id, readMember(body))),
    }),
    route({
      method: 'GET', path: '/v2/images/{image_id}/members', rule: rules.GET_MEMBERS, status: 200, summary: 'List image members', params: byId,
      handle: async ({ ctx, params }) => ({ members: (await members.list(ctx, params.image_id)).map(view), schema: '/v2/schemas/members' }),
    }),
    route({
      method: 'GET', path: '/v2/images/{image_id}/members/{member_id}', rule: rules.GET_MEMBER, status: 200, summary: 'Show image member details', params: byMember,
      handle: async ({ ctx, params }) => view(await members.show(ctx, params.image_id, params.member_id)),
    }),
    route({
      method: 'PUT', path: '/v2/images/{image_id}/members/{member_id}', rule: rules.MODIFY_MEMBER, status: 200, summary: 'Update image member', params: byMember,
      body: t.anything(),
      handle: async ({ ctx, params, body }) => view(await members.update(ctx, params.image_id, params.member_id, readStatus(body))),
    }),
    route({
      method: 'DELETE', path: '/v2/images/{image_id}/members/{member_id}', rule: rules.DELETE_MEMBER, status: 204, summary: 'Delete image member', params: byMember,
      handle: async ({ ctx, params }) => members.remove(ctx, params.image_id, params.member_id),
    }),
  ]
}

function view(m: Member) {
  return { member_id: m.member, image_id: m.imageId, status: m.status, created_at: isoTime(m.createdAt), updated_at: isoTime(m.updatedAt), schema: '/v2/schemas/member' }
}
