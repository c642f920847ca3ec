terraform {
  required_version = ">= 1.4.0"

  required_providers {
    docker = {
      source  = "kreuzwerker/docker"
      version = ">= 3.0.2, < 5.0.0"
    }
  }
}

# The module brings its provider along, for each node is another Docker. So a call of it cannot have `count` or `for_each`; and
# before the call is taken out of a configuration, its containers are to be destroyed.
provider "docker" {
  host      = var.docker_host
  ssh_opts  = local.tls ? [] : var.docker_ssh_opts
  cert_path = local.tls ? pathexpand(var.docker_cert_path) : null
}
