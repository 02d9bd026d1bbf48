//! `raincheck catalog`

use clap::Args;

/// `raincheck catalog`
#[derive(Debug, Args)]
pub struct CatalogArgs {}
