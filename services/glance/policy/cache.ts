// Who may do what with the cache of images.
import { rule } from '@alto/kit/policy'

export const CACHE_LIST = rule({ name: 'cache_list', check: 'rule:context_is_admin', legacy: 'rule:manage_image_cache', operations: ['GET /v2/cache'], description: 'List cached and queued images' })
export const CACHE_IMAGE = rule({ name: 'cache_image', check: 'rule:context_is_admin', legacy: 'rule:manage_image_cache', operations: ['PUT /v2/cache/{image_id}'], description: 'Queue an image for the cache' })
export const CACHE_DELETE = rule({ name: 'cache_delete', check: 'rule:context_is_admin', legacy: 'rule:manage_image_cache', operations: ['DELETE /v2/cache', 'DELETE /v2/cache/{image_id}'], description: 'Take images out of the cache and its queue' })
export const CACHE_CLEAN = rule({ name: 'cache_clean', check: 'rule:context_is_admin', operations: ['POST /v2/cache/clean'], description: 'Remove what a broken fetch left in the cache' })
export const CACHE_PRUNE = rule({ name: 'cache_prune', check: 'rule:context_is_admin', operations: ['POST /v2/cache/prune'], description: 'Make the cache as small as it is to be' })
export const MANAGE_IMAGE_CACHE = rule({ name: 'manage_image_cache', check: 'rule:context_is_admin', description: 'Manage the cache of images' })
