"""What Python types say of their JSON texts."""
