//! The secret that lets somebody ask from another machine.

use std::fmt;
use std::path::{Path, PathBuf};
use subtle::ConstantTimeEq;

/// Shorter ones can be guessed.
const SHORTEST: usize = 16;

/// A secret that each request must bring: as `Authorization: Bearer TOKEN`, or as the password of `http://any:TOKEN@host/`, which is
/// how `go tool pprof` can send it.
#[derive(Clone)]
pub struct Token(Vec<u8>);

impl Token {
    /// The token in a file, without the line's end.
    ///
    /// # Errors
    ///
    /// When the file can't be read, or holds fewer than 16 bytes.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, TokenError> {
        let path = path.as_ref();
        match std::fs::read(path) {
            Ok(bytes) => Token::checked(bytes.trim_ascii(), || path.display().to_string()),
            Err(error) => Err(TokenError::Unread {
                path: path.to_owned(),
                reason: error.to_string(),
            }),
        }
    }

    /// The token in an environment variable.
    ///
    /// # Errors
    ///
    /// When the variable isn't set, or holds fewer than 16 bytes.
    pub fn from_variable(name: &str) -> Result<Self, TokenError> {
        match std::env::var_os(name) {
            Some(value) => Token::checked(value.as_encoded_bytes(), || name.to_owned()),
            None => Err(TokenError::NotSet(name.to_owned())),
        }
    }

    /// The token itself, from wherever the service keeps its secrets; `source` names that place in the error.
    ///
    /// # Errors
    ///
    /// When it holds fewer than 16 bytes.
    pub fn new(token: impl AsRef<[u8]>, source: impl Into<String>) -> Result<Self, TokenError> {
        Token::checked(token.as_ref(), || source.into())
    }

    fn checked(bytes: &[u8], source: impl FnOnce() -> String) -> Result<Self, TokenError> {
        if bytes.len() < SHORTEST {
            return Err(TokenError::TooShort {
                source: source(),
                bytes: bytes.len(),
            });
        }
        Ok(Token(bytes.to_vec()))
    }

    /// Takes as long for a wrong one as for the right one.
    pub(super) fn is(&self, other: &[u8]) -> bool {
        self.0.ct_eq(other).into()
    }
}

/// Never shows the secret.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// The file can't be read.
    Unread {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The variable isn't set.
    NotSet(String),
    /// It is too short to be a secret.
    TooShort {
        /// The file, the variable, or the place that the caller named.
        source: String,
        /// How long it is.
        bytes: usize,
    },
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TokenError::Unread { path, reason } => write!(
                f,
                "the token's file {} can't be read: {reason}; make one: openssl rand -hex 32",
                path.display()
            ),
            TokenError::NotSet(name) => write!(
                f,
                "the variable {name} isn't set; set it to a token: openssl rand -hex 32"
            ),
            TokenError::TooShort { source, bytes } => write!(
                f,
                "the token in {source} has {bytes} bytes, and {SHORTEST} are the least; make one: openssl rand -hex 32"
            ),
        }
    }
}

impl std::error::Error for TokenError {}
