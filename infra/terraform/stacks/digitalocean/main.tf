# A host at DigitalOcean. The token is read from DIGITALOCEAN_ACCESS_TOKEN: it is in no file of Terraform's.

terraform {
  required_version = ">= 1.4.0"
}

variable "name" {
  description = "The host's name."
  type        = string
  default     = "web"
}

variable "plan" {
  description = "Plan of the VPS, as `vps-docker catalog digitalocean` shows; several, by commas, are tried in that order. Null: the cheapest fit one."
  type        = string
  default     = null
}

variable "region" {
  description = "Region of the VPS, or several by commas."
  type        = string
  default     = null
}

variable "max_monthly" {
  description = "Order nothing that costs more a month, in the provider's currency and without taxes."
  type        = number
  default     = null
}

variable "image" {
  description = "Docker image of the host's own container, the one with the sshd."
  type        = string
  default     = null
}

variable "env" {
  description = "Names of variables for that container; their values are those of this environment."
  type        = set(string)
  default     = []
}

variable "start_args" {
  description = "Arguments of `docker run` for that container, such as --publish=8000:8000."
  type        = list(string)
  default     = []
}

variable "allow_from" {
  description = "Ranges of addresses that may reach the host, such as your own, 203.0.113.7/32. An empty list is everybody."
  type        = set(string)
}

variable "app_ports" {
  description = "TCP ports of applications that they may reach besides the two sshds."
  type        = set(number)
  default     = []
}

variable "ttl" {
  description = "A time to live, as in 4h or 3d; changed in place."
  type        = string
  default     = null
}

module "host" {
  source = "../../modules/host"

  provider_name = "digitalocean"
  name          = var.name
  plan          = var.plan
  region        = var.region
  max_monthly   = var.max_monthly
  image         = var.image
  env           = var.env
  start_args    = var.start_args
  allow_from    = var.allow_from
  app_ports     = var.app_ports
  ttl           = var.ttl
}

output "address" {
  description = "The VPS's IP address."
  value       = module.host.address
}

output "ssh" {
  description = "The container's sshd: user, host, port, and the paths of key and pinned host key."
  value       = module.host.ssh
}

output "docker_host" {
  description = "Docker on the VPS, as DOCKER_HOST."
  value       = module.host.docker_host
}

output "node" {
  description = "What the application's configuration, ../../app, is told of the host."
  value       = module.host.node
}
