locals {
  # Where the host is, in words for every command.
  place = concat(
    ["--provider=${var.provider_name}"],
    var.data_dir == null ? [] : ["--data-dir=${pathexpand(var.data_dir)}"],
  )

  # What another VPS is needed for when it changes.
  made_with = concat(
    [
      for flag, value in {
        plan         = var.plan
        region       = var.region
        os           = var.os
        image        = var.image
        command      = var.command
        idle-timeout = var.idle_timeout
      } : "--${flag}=${value}" if value != null
    ],
    var.image_command ? ["--image-command"] : [],
    [for word in var.build_args : "--build=${word}"],
    var.build_context == null ? [] : ["--build=${var.build_context}"],
    [for name in var.env : "--env=${name}"],
    [for word in var.start_args : "--run=${word}"],
    [for key, value in var.labels : "--label=${key}=${value}"],
    [for range in var.allow_from : "--allow-from=${range}"],
    [for port in var.app_ports : "--app-port=${port}"],
  )

  # What counts at the time of the order only.
  ordered_with = concat(
    [
      for flag, value in {
        max-monthly = var.max_monthly
        max-hourly  = var.max_hourly
        ttl         = var.ttl
      } : "--${flag}=${value}" if value != null
    ],
    var.allow_order ? ["--allow-order"] : [],
    ["--label=terraform=${terraform_data.claim.id}"],
  )

  script = ["/bin/sh", "-eu", "${path.module}/host.sh"]
  facts  = "${path.root}/.terraform/vps-docker/${terraform_data.host.id}.json"
}

# Terraform's word, kept before anything is ordered, that a host of this name is ours: its id is the host's label. Whatever
# becomes of the create, this one is in the state, and its end takes away what there is.
resource "terraform_data" "claim" {
  triggers_replace = {
    name      = var.name
    place     = local.place
    made_with = local.made_with
    revision  = var.revision
  }
  input = {
    program = var.program
    name    = var.name
    place   = local.place
  }

  lifecycle {
    precondition {
      condition     = var.build_context == null || var.image == null
      error_message = "An image is either built (build_context) or named (image)."
    }
    precondition {
      condition     = var.command == null || !var.image_command
      error_message = "What runs beside sshd is either a command or the image's own (image_command)."
    }
  }

  provisioner "local-exec" {
    when        = destroy
    interpreter = ["/bin/sh", "-eu", "${path.module}/host.sh"]
    command     = "clear"
    environment = merge(
      { for index, word in self.input.place : "HOST_PLACE_${index}" => word },
      {
        HOST_PROGRAM      = self.input.program
        HOST_NAME         = self.input.name
        HOST_PLACE_LENGTH = length(self.input.place)
        HOST_CLAIM        = self.id
      },
    )
  }
}

resource "terraform_data" "host" {
  triggers_replace = terraform_data.claim.id
  input = {
    program = var.program
    name    = var.name
    place   = local.place
    claim   = terraform_data.claim.id
  }

  provisioner "local-exec" {
    interpreter = local.script
    command     = "create"
    environment = merge(
      { for index, word in local.place : "HOST_PLACE_${index}" => word },
      { for index, word in concat(local.made_with, local.ordered_with) : "HOST_WORD_${index}" => word },
      {
        HOST_PROGRAM      = var.program
        HOST_NAME         = var.name
        HOST_PLACE_LENGTH = length(local.place)
        HOST_WORDS_LENGTH = length(concat(local.made_with, local.ordered_with))
        HOST_CLAIM        = terraform_data.claim.id
        HOST_FACTS        = "${path.root}/.terraform/vps-docker/${self.id}.json"
      },
    )
  }

  provisioner "local-exec" {
    when        = destroy
    interpreter = ["/bin/sh", "-eu", "${path.module}/host.sh"]
    command     = "destroy"
    environment = merge(
      { for index, word in self.input.place : "HOST_PLACE_${index}" => word },
      {
        HOST_PROGRAM      = self.input.program
        HOST_NAME         = self.input.name
        HOST_PLACE_LENGTH = length(self.input.place)
        HOST_CLAIM        = self.input.claim
        HOST_FACTS        = "${path.root}/.terraform/vps-docker/${self.id}.json"
      },
    )
  }
}

# The end of the host's time to live, changed in place.
resource "terraform_data" "ttl" {
  triggers_replace = [terraform_data.host.id, var.ttl]

  provisioner "local-exec" {
    interpreter = local.script
    command     = "extend"
    environment = merge(
      { for index, word in local.place : "HOST_PLACE_${index}" => word },
      {
        HOST_PROGRAM      = var.program
        HOST_NAME         = var.name
        HOST_PLACE_LENGTH = length(local.place)
        HOST_TTL          = var.ttl == null ? "never" : var.ttl
      },
    )
  }
}

# What the program said of the host when it was ready. The file's name is known only once the host is made, so that it is read
# in the same apply; from then on the state has it, whatever becomes of the file.
resource "terraform_data" "facts" {
  triggers_replace = terraform_data.host.id
  input            = fileexists(local.facts) ? jsondecode(file(local.facts)) : null

  lifecycle {
    ignore_changes = [input]
  }
}
