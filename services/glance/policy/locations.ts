// Who may see and set where the bytes of images are, and which stores there are.
import { rule } from '@alto/kit/policy'

export const DELETE_IMAGE_LOCATION = rule({ name: 'delete_image_location', check: 'rule:context_is_admin', legacy: 'rule:default', operations: ['PATCH /v2/images/{image_id}'], description: 'Remove a location by JSON patch, or bytes from one store' })
export const GET_IMAGE_LOCATION = rule({ name: 'get_image_location', check: 'rule:context_is_admin or (role:reader and project_id:%(project_id)s)', legacy: 'rule:default', operations: ['GET /v2/images/{image_id}'], description: 'See where the bytes of an image are' })
export const SET_IMAGE_LOCATION = rule({ name: 'set_image_location', check: 'rule:context_is_admin or (role:member and project_id:%(project_id)s)', legacy: 'rule:default', operations: ['PATCH /v2/images/{image_id}'], description: 'Add and replace locations by JSON patch' })
export const ADD_IMAGE_LOCATION = rule({ name: 'add_image_location', check: 'rule:service_api or (role:member and project_id:%(project_id)s and project_id:%(owner)s)', operations: ['POST /v2/images/{image_id}/locations'], description: 'Add a location to a queued image' })
export const FETCH_IMAGE_LOCATION = rule({ name: 'fetch_image_location', check: 'rule:service_api', operations: ['GET /v2/images/{image_id}/locations'], description: 'List the locations of an image' })
export const STORES_INFO_DETAIL = rule({ name: 'stores_info_detail', check: 'rule:context_is_admin or rule:service_api', legacy: 'rule:context_is_admin', operations: ['GET /v2/info/stores/detail'], description: 'See kind, place and settings of the stores' })
