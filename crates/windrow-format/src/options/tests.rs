mod properties;
mod recorded;
mod tables;
mod typed;
