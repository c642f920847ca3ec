terraform {
  # `terraform_data`, which is built in: there is no plugin to fetch.
  required_version = ">= 1.4.0"
}
