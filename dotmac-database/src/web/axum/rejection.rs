//! axum's rejections, which are plain text, as problems.

use ::axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};

use crate::web::problem::Problem;

macro_rules! rejection {
    ($($rejection:ty)*) => {
        $(impl From<$rejection> for Problem {
            fn from(rejection: $rejection) -> Self {
                Problem::rejected(rejection.status(), &rejection.body_text())
            }
        })*
    };
}

rejection!(JsonRejection PathRejection QueryRejection);
