"""What servers need from the user: secrets in the keyring and sign-ins."""
