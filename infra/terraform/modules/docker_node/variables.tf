# The first five are what `vps-docker export tfvars NAME` prints.

variable "docker_host" {
  description = "Where Docker answers: ssh://root@ADDRESS:22 with docker_ssh_opts, or tcp://ADDRESS:2376 with docker_cert_path."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^(ssh|tcp)://", var.docker_host))
    error_message = "docker_host begins with ssh:// or tcp://."
  }
}

variable "docker_ssh_opts" {
  description = "What `ssh` is told for ssh://: the path of the key, and of a known_hosts file with the pinned host key."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = !anytrue([for word in var.docker_ssh_opts : can(regex("(?i)stricthostkeychecking *[= ] *(no|off|accept-new)", word))])
    error_message = "A host key that nobody has checked is not trusted: leave StrictHostKeyChecking on and name a known_hosts file."
  }
}

variable "docker_cert_path" {
  description = "A directory with ca.pem, cert.pem and key.pem for tcp://. The path alone gets into the state."
  type        = string
  default     = null
}

variable "host_name" {
  description = "The host's name, for the outputs."
  type        = string
  default     = null
}

variable "host_address" {
  description = "The host's address, for the outputs."
  type        = string
  default     = null
}

variable "app_image" {
  description = "The Docker image that is pulled and run."
  type        = string
  nullable    = false
}

variable "container_name" {
  description = "The container's name."
  type        = string
  default     = "app"
  nullable    = false

  validation {
    condition     = var.container_name != "vps-docker"
    error_message = "The container vps-docker is the host's own."
  }
}

variable "command" {
  description = "What runs in it instead of the image's own command."
  type        = list(string)
  default     = null
}

variable "env" {
  description = "Environment variables. They are in Terraform's state and in `docker inspect`: nothing secret belongs here, see secret_files."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "secret_files" {
  description = "Files on the VPS that the container may read, by their paths in it: put there by `vps-docker`, they are in no state."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "ports" {
  description = "Ports of the VPS that lead to the container. `ip` is the VPS's own address that is listened on."
  type = list(object({
    internal = number
    external = number
    protocol = optional(string, "tcp")
    ip       = optional(string, "0.0.0.0")
  }))
  default  = []
  nullable = false
}

variable "volumes" {
  description = "Docker volumes, by the paths at which the container has them. They outlive the container."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "restart" {
  description = "When Docker starts it again: no, on-failure, always or unless-stopped."
  type        = string
  default     = "unless-stopped"
  nullable    = false

  validation {
    condition     = contains(["no", "on-failure", "always", "unless-stopped"], var.restart)
    error_message = "restart is no, on-failure, always or unless-stopped."
  }
}

variable "memory" {
  description = "The most memory it may have, in MB."
  type        = number
  default     = null
}

variable "labels" {
  description = "Labels of the container."
  type        = map(string)
  default     = {}
  nullable    = false
}
