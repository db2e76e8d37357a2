// What two do at once to trees and what is counted in them, with two controllers on one PostgreSQL, in every order of their statements.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { adminsAtOnce, sorted } from './at-once.ts'

test('while a project is disabled nothing enabled comes to stand in it', () => adminsAtOnce<{ id: string }>({
  async prepare(ask, order) {
    const { body: { project: { id } } } = await ask('POST', '/projects', { project: { name: `p${order}` } })
    return { id, requests: [['PATCH', `/projects/${id}`, { project: { enabled: false } }], ['POST', '/projects', { project: { name: `c${order}`, parent_id: id } }]] }
  },
  async holds(ask, { id }, statuses) {
    const { body: { project } } = await ask('GET', `/projects/${id}`)
    const { body: { projects } } = await ask('GET', `/projects?parent_id=${id}`)
    assert.ok(project.enabled !== (projects.length === 0), `${statuses.join(' ')}: enabled ${project.enabled}, ${projects.length} below`)
    assert.deepEqual(statuses, project.enabled ? [403, 201] : [200, 400])
  },
}))

test('a project that goes takes no child along', () => adminsAtOnce<{ id: string }>({
  async prepare(ask, order) {
    const { body: { project: { id } } } = await ask('POST', '/projects', { project: { name: `p${order}` } })
    return { id, requests: [['DELETE', `/projects/${id}`], ['POST', '/projects', { project: { name: `c${order}`, parent_id: id } }]] }
  },
  async holds(ask, { id }, statuses) {
    assert.deepEqual(statuses, (await ask('GET', `/projects/${id}`)).status === 200 ? [403, 201] : [204, 400])
  },
}))

test('of two tags that are both a project\'s eightieth one is added', () => adminsAtOnce<{ id: string }>({
  async prepare(ask, order) {
    const { body: { project: { id } } } = await ask('POST', '/projects', { project: { name: `p${order}`, tags: Array.from({ length: 79 }, (_, i) => `t${i}`) } })
    return { id, requests: [['PUT', `/projects/${id}/tags/one`], ['PUT', `/projects/${id}/tags/other`]] }
  },
  async holds(ask, { id }, statuses) {
    assert.deepEqual([sorted(statuses), (await ask('GET', `/projects/${id}/tags`)).body.tags.length], [[201, 400], 80])
  },
}))

test('two regions that are moved into each other do not end up within themselves', () => adminsAtOnce<{ ids: string[] }>({
  async prepare(ask, order) {
    const ids = [`a${order}`, `b${order}`]
    for (const id of ids) await ask('PUT', `/regions/${id}`, { region: {} })
    return { ids, requests: [['PATCH', `/regions/${ids[0]}`, { region: { parent_region_id: ids[1] } }], ['PATCH', `/regions/${ids[1]}`, { region: { parent_region_id: ids[0] } }]] }
  },
  async holds(ask, { ids }, statuses) {
    const parents = await Promise.all(ids.map(async id => (await ask('GET', `/regions/${id}`)).body.region.parent_region_id))
    assert.deepEqual([sorted(statuses), parents.filter(p => p === null).length], [[200, 400], 1])
  },
}))

test('under strict_two_level a project never has more than its domain, whoever is first', () => adminsAtOnce<{ limits: string[] }>({
  options: { enforcementModel: 'strict_two_level' },
  async prepare(ask, order) {
    const { body: { service } } = await ask('POST', '/services', { service: { type: `s${order}` } })
    await ask('POST', '/registered_limits', { registered_limits: [{ service_id: service.id, resource_name: 'r', default_limit: 10 }] })
    const { body: { domain } } = await ask('POST', '/domains', { domain: { name: `d${order}` } })
    const { body: { project } } = await ask('POST', '/projects', { project: { name: 'p', domain_id: domain.id } })
    const limit = { service_id: service.id, resource_name: 'r' }
    const { body: { limits } } = await ask('POST', '/limits', { limits: [{ ...limit, domain_id: domain.id, resource_limit: 8 }, { ...limit, project_id: project.id, resource_limit: 4 }] })
    const ids = limits.map((l: { id: string }) => l.id)
    return { limits: ids, requests: [['PATCH', `/limits/${ids[0]}`, { limit: { resource_limit: 5 } }], ['PATCH', `/limits/${ids[1]}`, { limit: { resource_limit: 7 } }]] }
  },
  async holds(ask, { limits }, statuses) {
    const [domain, project] = await Promise.all(limits.map(async id => (await ask('GET', `/limits/${id}`)).body.limit.resource_limit))
    assert.deepEqual([sorted(statuses), project <= domain], [[200, 403], true])
  },
}))

test('a registered limit that is removed while a limit of it is made goes, or stays for the limit', () => adminsAtOnce<{ id: string }>({
  async prepare(ask, order) {
    const { body: { service } } = await ask('POST', '/services', { service: { type: `s${order}` } })
    const { body: { registered_limits: [{ id }] } } = await ask('POST', '/registered_limits', { registered_limits: [{ service_id: service.id, resource_name: 'r', default_limit: 10 }] })
    return { id, requests: [['DELETE', `/registered_limits/${id}`], ['POST', '/limits', { limits: [{ service_id: service.id, resource_name: 'r', resource_limit: 1, domain_id: 'default' }] }]] }
  },
  async holds(ask, { id }, [removed, made]) {
    if ((await ask('GET', `/registered_limits/${id}`)).status === 200) assert.deepEqual([removed, made], [403, 201])
    else assert.ok(removed === 204 && (made === 403 || made === 409), `${removed} ${made}`)
  },
}))

test('an endpoint that is made in a region that goes keeps it, or is refused', () => adminsAtOnce<{ region: string }>({
  async prepare(ask, order) {
    const region = `r${order}`
    await ask('POST', '/regions', { region: { id: region } })
    const service = (await ask('GET', '/services')).body.services[0].id as string
    return { region, requests: [['POST', '/endpoints', { endpoint: { service_id: service, interface: 'public', url: 'http://x', region_id: region } }], ['DELETE', `/regions/${region}`]] }
  },
  async holds(ask, { region }, [made, gone]) {
    assert.ok(made === 201 && gone === 403 || made === 400 && gone === 204, `${made} ${gone}`)
    assert.equal((await ask('GET', `/endpoints?region_id=${region}`)).body.endpoints.length, made === 201 ? 1 : 0)
  },
}))

test('the configuration of a domain that goes is not there afterwards', () => adminsAtOnce<{ id: string }>({
  async prepare(ask, order) {
    const { body: { domain: { id } } } = await ask('POST', '/domains', { domain: { name: `d${order}`, enabled: false } })
    return { id, requests: [['PUT', `/domains/${id}/config`, { config: { identity: { driver: 'sql' } } }], ['DELETE', `/domains/${id}`]] }
  },
  async holds(ask, { id }, [made, gone]) {
    assert.equal(gone, 204)
    assert.ok([201, 404].includes(made), `${made}`)
    assert.equal((await ask('GET', `/domains/${id}/config`)).status, 404)
  },
}))
