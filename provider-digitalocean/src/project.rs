//! The project that new droplets are put into: <https://docs.digitalocean.com/reference/api/reference/projects/>.
//! In a file of its own, as a create cannot name one: a droplet joins it afterwards.

use tokio::sync::OnceCell;
use vps_docker_core::model::near_matches;
use vps_docker_core::{Error, ErrorKind, Result};

use crate::account::Account;
use crate::wire::{self, AssignResources, AssignmentBody, Projects};

/// A project by name or id, looked up once.
#[derive(Debug)]
pub(crate) struct Project {
    name_or_id: String,
    /// `None` where it is the default one, in which every new droplet is already.
    id: OnceCell<Option<String>>,
}

impl Project {
    pub(crate) fn new(name_or_id: String) -> Self {
        Self {
            name_or_id,
            id: OnceCell::new(),
        }
    }
}

/// The id of the project to join, if any. Asked before the order, so that a wrong name costs nothing.
///
/// # Errors
/// [`ErrorKind::Invalid`] with near matches for an unknown one, and those of any call.
pub(crate) async fn to_join(account: &Account) -> Result<Option<&str>> {
    let Some(project) = &account.project else {
        return Ok(None);
    };
    let look_up = async || {
        let request = || account.api.get("list_projects", ["projects"]);
        pick(&project.name_or_id, account.all::<Projects>(request).await?)
    };
    Ok(project.id.get_or_try_init(look_up).await?.as_deref())
}

fn pick(name_or_id: &str, projects: Vec<wire::Project>) -> Result<Option<String>> {
    let is_it = |project: &&wire::Project| project.id == name_or_id || project.name == name_or_id;
    match projects.iter().find(is_it) {
        Some(project) if project.is_default => Ok(None),
        Some(project) => Ok(Some(project.id.clone())),
        None => {
            let known: Vec<&str> = projects
                .iter()
                .map(|project| project.name.as_str())
                .collect();
            let near = near_matches(name_or_id, &known);
            Err(Error::new(
                ErrorKind::Invalid,
                format!("there is no project {name_or_id:?} at DigitalOcean{near}"),
            ))
        }
    }
}

/// Puts a droplet into a project. The droplet is there and billed, so a failure is told and that is all.
pub(crate) async fn join(account: &Account, project: &str, droplet: u64) {
    let body = AssignResources {
        resources: [format!("do:droplet:{droplet}")],
    };
    let joined = account
        .api
        .post("join_project", ["projects", project, "resources"])
        .body(&body)
        .repeatable()
        .json::<AssignmentBody>()
        .await;
    match joined {
        Ok(answer) => {
            for assignment in answer.resources {
                let status = assignment.status;
                if !matches!(status.as_str(), "ok" | "assigned" | "already_assigned") {
                    tracing::warn!(droplet, project, %status, "the droplet did not join its project");
                }
            }
        }
        Err(error) => {
            tracing::warn!(droplet, project, %error, "the droplet did not join its project");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn projects() -> Vec<wire::Project> {
        let project = |id: &str, name: &str, is_default| wire::Project {
            id: id.to_owned(),
            name: name.to_owned(),
            is_default,
        };
        vec![
            project("4e1b-1", "my-web-api", false),
            project("4e1b-2", "first", true),
        ]
    }

    #[test]
    fn a_project_is_found_by_name_and_by_id() {
        for name in ["my-web-api", "4e1b-1"] {
            assert_eq!(
                pick(name, projects()).expect(name).as_deref(),
                Some("4e1b-1")
            );
        }
        assert_eq!(pick("first", projects()).expect("the default one"), None);
    }

    #[test]
    fn an_unknown_project_is_refused_with_near_ones() {
        let error = pick("my-web-app", projects()).expect_err("unknown");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(
            error.to_string().contains("did you mean my-web-api?"),
            "{error}"
        );
    }
}
