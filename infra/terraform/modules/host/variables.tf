# What can be said of a host. None of it may be secret: all of it is in Terraform's state. Secrets are
# named (`env`), and their values are read from Terraform's own environment.

variable "name" {
  description = "The host's name: 1 to 63 characters of a-z, 0-9 and '-'. Another name is another host."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.name))
    error_message = "A host's name has 1 to 63 characters of a-z, 0-9 and '-', and no '-' at an end."
  }
}

variable "provider_name" {
  description = "The provider (local, hetzner, contabo, vultr, digitalocean), or the name of one in config.toml."
  type        = string
  default     = "local"
  nullable    = false
}

variable "plan" {
  description = "Plan of the VPS; several, by commas, are tried in that order. Null: the configured one, else the provider's cheapest fit one."
  type        = string
  default     = null
}

variable "region" {
  description = "Region of the VPS, or several by commas."
  type        = string
  default     = null
}

variable "os" {
  description = "Operating system of the VPS."
  type        = string
  default     = null
}

variable "image" {
  description = "Docker image of the host's container; sshd is brought into it. Null: debian:bookworm-slim."
  type        = string
  default     = null
}

variable "build_context" {
  description = "A directory with a Dockerfile, from which the VPS builds the image instead. Terraform does not look into it: say by `revision` that it has changed."
  type        = string
  default     = null
}

variable "build_args" {
  description = "Further arguments of `docker build`, such as --build-arg=COLOUR=blue."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "command" {
  description = "A shell command that runs in the container beside sshd."
  type        = string
  default     = null
}

variable "image_command" {
  description = "Run the image's own command beside sshd."
  type        = bool
  default     = false
  nullable    = false
}

variable "env" {
  description = "Names of variables for the container. The values are those of Terraform's own environment; they go to the VPS by a file that root alone reads, and are in no state, plan or command line."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for name in var.env : can(regex("^[A-Za-z_][A-Za-z0-9_]*$", name))])
    error_message = "Only names stand here, such as API_TOKEN; the values belong into Terraform's environment."
  }
}

variable "app_ports" {
  description = "TCP ports of the application that `allow_from` may reach besides the two sshds."
  type        = set(number)
  default     = []
  nullable    = false
}

variable "allow_from" {
  description = "Ranges of addresses that may reach the host, such as 203.0.113.0/24; empty: everybody."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "ttl" {
  description = "A time to live, as in 4h or 3d: past it, the next `vps-docker ls` or `gc` destroys the host. Changed in place, and counted from the apply that sets it."
  type        = string
  default     = null
}

variable "idle_timeout" {
  description = "Stop the container when nobody has used it for so long, or `never`. Null: 800s."
  type        = string
  default     = null
}

variable "start_args" {
  description = "Arguments of `docker run`, such as --publish=8000:8000."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "labels" {
  description = "Labels, kept with the host. `terraform` is the module's own."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = !contains(keys(var.labels), "terraform")
    error_message = "The label `terraform` is the module's own: by it a host is known again."
  }
}

variable "max_monthly" {
  description = "Order nothing that costs more a month, in the provider's currency and without taxes. Looked at when the host is ordered."
  type        = number
  default     = null
}

variable "max_hourly" {
  description = "Order nothing that costs more an hour."
  type        = number
  default     = null
}

variable "allow_order" {
  description = "Agree to an order that is paid for to the end of its term, whatever becomes of the host (Contabo)."
  type        = bool
  default     = false
  nullable    = false
}

variable "revision" {
  description = "Any text. Another one makes another VPS: for what Terraform cannot see, such as the value of a variable or a build context."
  type        = string
  default     = ""
  nullable    = false
}

variable "program" {
  description = "The program vps-docker: a path, or a name that is looked for on the PATH."
  type        = string
  default     = "vps-docker"
  nullable    = false
}

variable "data_dir" {
  description = "The directory with keys, pins and journal. Null: VPS_DOCKER_DATA_DIR, else the platform's data directory."
  type        = string
  default     = null
}
